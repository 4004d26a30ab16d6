package kpi

import (
	"golang.org/x/text/unicode/norm"
)

// FNV-1a with 32 bits.
const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// Partition returns the partition of a tenant's key: FNV-1a-32 over the tenant followed
// by the key as EncodeKey writes it, modulo the number of partitions. That is what the
// server's mapping makes of a subject.
func Partition(tenant, key string, partitions int) int {
	h := uint32(fnvOffset)
	for i := range len(tenant) {
		h = (h ^ uint32(tenant[i])) * fnvPrime
	}
	token := EncodeKey(key)
	for i := range len(token) {
		h = (h ^ uint32(token[i])) * fnvPrime
	}
	return int(h % uint32(partitions))
}

// EncodeKey returns the token by which a key stands in a subject: its UTF-8 in Unicode
// normal form C, percent-encoded with upper-case digits except A–Z a–z 0–9 _ and -.
// Two spellings of one key that look the same become one token.
func EncodeKey(key string) string {
	if isToken(key) {
		return key
	}
	const digits = "0123456789ABCDEF"
	key = norm.NFC.String(key)
	token := make([]byte, 0, 3*len(key))
	for i := range len(key) {
		if c := key[i]; isTokenByte(c) {
			token = append(token, c)
		} else {
			token = append(token, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(token)
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return true
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
