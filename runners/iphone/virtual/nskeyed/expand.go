package nskeyed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// plistDepth is how deep property list containers may nest. An archive is flat: its object table holds dictionaries
// that hold arrays of references, five levels in all.
const plistDepth = 16

// checkExpansion walks the object table of a binary property list before the library builds values from it. Objects
// may refer to objects any number of times, so a few hundred bytes can stand for gigabytes, or for an endless loop.
func checkExpansion(data []byte) error {
	const header, trailer = 8, 32
	if len(data) < header+trailer || string(data[:header]) != "bplist00" {
		return errors.New("unarchive: no binary property list")
	}
	t := data[len(data)-trailer:]
	w := walker{
		data: data[:len(data)-trailer], offsetSize: int(t[6]), refSize: int(t[7]),
		count: binary.BigEndian.Uint64(t[8:]), table: binary.BigEndian.Uint64(t[24:]),
	}
	body := uint64(len(w.data))
	if w.offsetSize < 1 || w.offsetSize > 8 || w.refSize < 1 || w.refSize > 8 || w.table > body || w.count > (body-w.table)/uint64(w.offsetSize) {
		return errors.New("unarchive: damaged property list trailer")
	}
	w.seen = make(map[uint64]extent)
	e, err := w.walk(binary.BigEndian.Uint64(t[16:]), 0)
	if err != nil {
		return err
	}
	if e.nodes > maxNodes*4 || e.bytes > MaxBytes*4 {
		return fmt.Errorf("unarchive: property list stands for %d objects of %d bytes", e.nodes, e.bytes)
	}
	return nil
}

// extent is what one object stands for with everything below it.
type extent struct {
	nodes, bytes uint64
	height       int
}

type walker struct {
	data                []byte
	offsetSize, refSize int
	count, table        uint64
	seen                map[uint64]extent // height 0 marks an object that is being walked: a loop
}

var errDamaged = errors.New("unarchive: damaged property list")

func (w *walker) walk(ref uint64, depth int) (extent, error) {
	if e, ok := w.seen[ref]; ok {
		if e.height == 0 || depth+e.height > plistDepth {
			return extent{}, errors.New("unarchive: property list nested too deep or in a loop")
		}
		return e, nil
	}
	if ref >= w.count || depth >= plistDepth {
		return extent{}, errDamaged
	}
	w.seen[ref] = extent{}
	at := w.number(w.table+ref*uint64(w.offsetSize), w.offsetSize)
	if at >= w.table {
		return extent{}, errDamaged
	}
	e, children, err := w.object(at)
	if err != nil {
		return extent{}, err
	}
	for i := uint64(0); i < children.count; i++ {
		c, err := w.walk(w.number(children.at+i*uint64(w.refSize), w.refSize), depth+1)
		if err != nil {
			return extent{}, err
		}
		e.nodes, e.bytes, e.height = plus(e.nodes, c.nodes), plus(e.bytes, c.bytes), max(e.height, c.height+1)
	}
	w.seen[ref] = e
	return e, nil
}

type references struct{ at, count uint64 }

// object returns the extent of the object at an offset by itself, and where its references to others lie.
func (w *walker) object(at uint64) (extent, references, error) {
	self := extent{nodes: 1, height: 1}
	kind, length := w.data[at]>>4, uint64(w.data[at]&0xf)
	switch kind {
	case 0x0, 0x1, 0x2, 0x3, 0x8: // singletons, integers, reals, dates, UIDs: at most 16 bytes, which the library checks
		return self, references{}, nil
	}
	at++
	if length == 0xf { // an integer object with the real length follows
		if at >= w.table || w.data[at]>>4 != 1 || w.data[at]&0xf > 3 {
			return extent{}, references{}, errDamaged
		}
		size := 1 << (w.data[at] & 0xf)
		if at+1+uint64(size) > w.table {
			return extent{}, references{}, errDamaged
		}
		length = w.number(at+1, size)
		at += 1 + uint64(size)
	}
	unit, refs := uint64(1), uint64(0)
	switch kind {
	case 0x6:
		unit = 2
	case 0xa, 0xc:
		unit, refs = uint64(w.refSize), length
	case 0xd:
		unit, refs = 2*uint64(w.refSize), 2*length
	case 0x4, 0x5:
	default:
		return extent{}, references{}, errDamaged
	}
	if length > (w.table-at)/unit {
		return extent{}, references{}, errDamaged
	}
	self.bytes = length * unit
	return self, references{at, refs}, nil
}

// number reads a big-endian integer; the caller has checked that it lies within the data.
func (w *walker) number(at uint64, size int) uint64 {
	var n uint64
	for _, b := range w.data[at : at+uint64(size)] {
		n = n<<8 | uint64(b)
	}
	return n
}

func plus(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
