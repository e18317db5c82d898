package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The token codec writes a series of integers as varints: the number of values, the first value, and then differences.
// Token ids jump about, so they are written as they are; time stamps advance evenly, so their second differences are
// written: a stamp then costs what its jitter costs, about 3 bytes instead of 8.

// errTorn is a series that ends early or says more than it holds.
var errTorn = errors.New("a stored series is corrupt")

// packIDs encodes token ids. No ids are nil, an absent column.
func packIDs(ids []int32) []byte {
	if len(ids) == 0 {
		return nil
	}
	out := binary.AppendUvarint(make([]byte, 0, 2*len(ids)+4), uint64(len(ids)))
	for _, id := range ids {
		out = binary.AppendVarint(out, int64(id))
	}
	return out
}

// unpackIDs decodes what packIDs has written.
func unpackIDs(data []byte) ([]int32, error) {
	if len(data) == 0 {
		return nil, nil
	}
	n, data, err := count(data)
	if err != nil {
		return nil, err
	}
	out := make([]int32, n)
	for i := range out {
		var v int64
		if v, data, err = next(data); err != nil {
			return nil, err
		}
		if v < math.MinInt32 || v > math.MaxInt32 {
			return nil, fmt.Errorf("token id %d: %w", v, errTorn)
		}
		out[i] = int32(v)
	}
	return out, spent(data)
}

// packTimes encodes time stamps of any order and size; even steps cost least. No stamps are nil.
func packTimes(stamps []int64) []byte {
	if len(stamps) == 0 {
		return nil
	}
	out := binary.AppendUvarint(make([]byte, 0, 4*len(stamps)+12), uint64(len(stamps)))
	var last, step int64
	for _, t := range stamps {
		// Differences wrap around in int64 and so does the sum on the way back: every series survives.
		d := t - last
		out = binary.AppendVarint(out, d-step)
		last, step = t, d
	}
	return out
}

// unpackTimes decodes what packTimes has written.
func unpackTimes(data []byte) ([]int64, error) {
	if len(data) == 0 {
		return nil, nil
	}
	n, data, err := count(data)
	if err != nil {
		return nil, err
	}
	out := make([]int64, n)
	var last, step int64
	for i := range out {
		var dd int64
		if dd, data, err = next(data); err != nil {
			return nil, err
		}
		step += dd
		last += step
		out[i] = last
	}
	return out, spent(data)
}

// count reads the number of values; each takes a byte at least, so a torn count cannot ask for more memory than that.
func count(data []byte) (int, []byte, error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)-size) {
		return 0, nil, errTorn
	}
	return int(n), data[size:], nil
}

func next(data []byte) (int64, []byte, error) {
	v, size := binary.Varint(data)
	if size <= 0 {
		return 0, nil, errTorn
	}
	return v, data[size:], nil
}

func spent(data []byte) error {
	if len(data) != 0 {
		return fmt.Errorf("%d bytes too many: %w", len(data), errTorn)
	}
	return nil
}
