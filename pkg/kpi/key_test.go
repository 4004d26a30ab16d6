package kpi

import (
	"hash/fnv"
	"testing"
)

// TestPartitionVectors uses the published vectors of FNV-1a-32: "" 811c9dc5, "a"
// e40c292c, "b" e70c2de5, "foobar" bf9cf968.
func TestPartitionVectors(t *testing.T) {
	for _, c := range []struct {
		tenant, key string
		hash        uint32
	}{
		{"", "", 0x811c9dc5}, {"a", "", 0xe40c292c}, {"", "b", 0xe70c2de5},
		{"foo", "bar", 0xbf9cf968}, {"foobar", "", 0xbf9cf968}, {"f", "oobar", 0xbf9cf968},
	} {
		for _, partitions := range []int{1, 2, 16, 1000, 65535} {
			if got, want := Partition(c.tenant, c.key, partitions), int(c.hash%uint32(partitions)); got != want {
				t.Errorf("Partition(%q, %q, %d) = %d, want %d", c.tenant, c.key, partitions, got, want)
			}
		}
	}
}

// TestPartitionOfToken wants the hash of what stands in the subject.
func TestPartitionOfToken(t *testing.T) {
	h := fnv.New32a()
	h.Write([]byte("acmeanna%40example%2Ecom"))
	if got, want := Partition("acme", "anna@example.com", 16), int(h.Sum32()%16); got != want {
		t.Errorf("got partition %d, want %d", got, want)
	}
}

func TestEncodeKey(t *testing.T) {
	for _, c := range []struct{ key, want string }{
		{"", ""},
		{"c42_A-z", "c42_A-z"},
		{"anna@example.com", "anna%40example%2Ecom"},
		{"+98 21 555", "%2B98%2021%20555"},
		{"客户", "%E5%AE%A2%E6%88%B7"},
		{"a*b>c%", "a%2Ab%3Ec%25"},
		{"é", "%C3%A9"},       // one rune
		{"e\u0301", "%C3%A9"}, // e and a combining accent: NFC makes one rune of them
		{"\xff", "%FF"},
	} {
		if got := EncodeKey(c.key); got != c.want {
			t.Errorf("EncodeKey(%q) = %q, want %q", c.key, got, c.want)
		}
	}
}
