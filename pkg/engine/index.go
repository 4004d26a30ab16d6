package engine

import "github.com/cespare/xxhash/v2"

// names of entities lie end to end in one block of bytes, so that the collector of
// garbage need not look at a million strings.
type nameBlock []byte

type name struct {
	offset uint32
	length uint16
}

func (b *nameBlock) put(s string) name {
	n := name{uint32(len(*b)), uint16(len(s))}
	*b = append(*b, s...)
	return n
}

func (b nameBlock) get(n name) []byte { return b[n.offset : n.offset+uint32(n.length)] }

// index finds an entity by kind, tenant and id. Where two hashes collide, the next
// number is tried.
type index struct {
	slots map[uint64]uint32
	block nameBlock
}

func newIndex() index { return index{slots: make(map[uint64]uint32)} }

func hashID(kind uint8, tenant uint32, id string) uint64 {
	return xxhash.Sum64String(id) ^ (uint64(tenant)<<8|uint64(kind))*0x9E3779B97F4A7C15
}

// hash is the hash of a string, the same on every machine.
func hash(s string) uint64 { return xxhash.Sum64String(s) }
