package engine

import (
	"github.com/cespare/xxhash/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// nameBlock holds the names of entities end to end, so that the collector of garbage
// need not look at a million strings.
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

// index finds an entity by kind, tenant and id, in an open-addressing table of numbers
// that is never more than three quarters full. 0 is an empty slot, n+1 entity n.
type index struct {
	slots []uint32
	block nameBlock
	used  int
}

// find returns the entity's number + 1, or 0 and the slot that it would have.
func (x *entities) find(kind kpi.Kind, tenant uint32, id string) (slot int, found uint32) {
	if len(x.slots) == 0 {
		x.slots = make([]uint32, 1<<10)
	}
	mask := len(x.slots) - 1
	for slot = int(hashID(kind, tenant, id)) & mask; ; slot = (slot + 1) & mask {
		i := x.slots[slot]
		if i == 0 {
			return slot, 0
		}
		if n := &x.list[i-1]; n.kind == kind && n.tenant == tenant && string(x.block.get(n.name)) == id {
			return slot, i
		}
	}
}

// claim fills the slot that find has returned.
func (x *entities) claim(slot int, i uint32) {
	x.slots[slot] = i
	x.used++
	if x.used*4 < len(x.slots)*3 {
		return
	}
	x.slots = make([]uint32, 2*len(x.slots))
	mask := len(x.slots) - 1
	for k := range x.list {
		n := &x.list[k]
		at := int(hashID(n.kind, n.tenant, string(x.block.get(n.name)))) & mask
		for x.slots[at] != 0 {
			at = (at + 1) & mask
		}
		x.slots[at] = uint32(k + 1)
	}
}

func hashID(kind kpi.Kind, tenant uint32, id string) uint64 {
	h := xxhash.Sum64String(id) ^ (uint64(tenant)<<8|uint64(kind))*0x9E3779B97F4A7C15
	return h ^ h>>32
}

// hash is the hash of a string, the same on every machine.
func hash(s string) uint64 { return xxhash.Sum64String(s) }
