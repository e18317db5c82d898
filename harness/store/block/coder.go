package block

import (
	"errors"
	"math/bits"
)

// ErrTorn is a block that ends early or says more than it holds.
var ErrTorn = errors.New("a stored block is torn")

const (
	modelBits = 11 // of a probability
	modelStep = 4  // how fast a probability follows what it sees: by a sixteenth
	evens     = 1 << (modelBits - 1)
	bottom    = 1 << 24
)

// probability is that of a 0, in 2^-11.
type probability uint16

func newProbabilities(n int) []probability {
	out := make([]probability, n)
	for i := range out {
		out[i] = evens
	}
	return out
}

// coder is an arithmetic coder in either direction: the same calls write or read, so a format is spelt once. A reading
// coder returns what was written; a writing one returns what it is given.
type coder struct {
	reading bool
	err     error

	low   uint64
	span  uint32
	cache byte
	held  int64
	out   []byte

	code uint32
	in   []byte
	at   int
	left int // numbers that may still be read: bounds what a damaged block can ask for
}

func newWriter() *coder { return &coder{span: 1<<32 - 1, held: 1} }

// numbersPerByte bounds how many numbers a byte can hold: a number that is as expected costs a fiftieth of a bit.
const numbersPerByte = 1024

func newReader(data []byte) *coder {
	c := &coder{reading: true, span: 1<<32 - 1, in: data, left: numbersPerByte * (len(data) + 64)}
	for range 5 {
		c.code = c.code<<8 | uint32(c.next())
	}
	return c
}

func (c *coder) next() byte {
	if c.at < len(c.in) {
		c.at++
		return c.in[c.at-1]
	}
	// The end of a block may be cut by what the coder can make up, but no further.
	if c.at++; c.at > len(c.in)+8 {
		c.fail()
	}
	return 0
}

func (c *coder) fail() {
	if c.err == nil {
		c.err = ErrTorn
	}
}

// finish returns what was written.
func (c *coder) finish() []byte {
	for range 5 {
		c.shift()
	}
	return c.out
}

func (c *coder) shift() {
	if uint32(c.low) < 0xFF000000 || c.low>>32 != 0 {
		carry := byte(c.low >> 32)
		for first := true; c.held > 0; c.held-- {
			if first {
				c.out = append(c.out, c.cache+carry)
			} else {
				c.out = append(c.out, 0xFF+carry)
			}
			first = false
		}
		c.cache = byte(c.low >> 24)
	}
	c.held++
	c.low = uint64(uint32(c.low) << 8)
}

// bit codes one bit by a probability that follows it.
func (c *coder) bit(p *probability, bit int) int {
	bound := c.span >> modelBits * uint32(*p)
	if c.reading {
		bit = 1
		if c.code < bound {
			bit = 0
		}
	}
	if bit == 0 {
		c.span = bound
		*p += (1<<modelBits - *p) >> modelStep
	} else {
		c.low += uint64(bound)
		c.code -= bound
		c.span -= bound
		*p -= *p >> modelStep
	}
	c.normalize()
	return bit
}

func (c *coder) normalize() {
	for c.span < bottom {
		c.span <<= 8
		if c.reading {
			c.code = c.code<<8 | uint32(c.next())
		} else {
			c.shift()
		}
	}
}

// raw codes bits that nothing is known of.
func (c *coder) raw(value uint64, count int) uint64 {
	var out uint64
	for i := count - 1; i >= 0; i-- {
		c.span >>= 1
		bit := uint64(0)
		if c.reading {
			if c.code >= c.span {
				c.code -= c.span
				bit = 1
			}
		} else if bit = value >> i & 1; bit == 1 {
			c.low += uint64(c.span)
		}
		out = out<<1 | bit
		c.normalize()
	}
	return out
}

// number is the model of a column of whole numbers: whether they are 0, how many bits they have, and their first bits.
type number struct {
	zero   probability
	length []probability // tree of the bit length, 1 to 64
	first  []probability // trees of the bits behind the highest, by length
}

const firstBits = 3

func newNumber() *number {
	return &number{zero: evens, length: newProbabilities(128), first: newProbabilities(65 << firstBits)}
}

// unsigned codes a whole number.
func (c *coder) unsigned(m *number, value uint64) uint64 {
	if c.reading {
		if c.left--; c.left < 0 {
			c.fail()
		}
		if c.err != nil {
			return 0
		}
	}
	zero := 0
	if value == 0 {
		zero = 1
	}
	if c.bit(&m.zero, zero) == 1 {
		return 0
	}
	size := c.tree(m.length, 6, bits.Len64(value)-1) + 1
	rest := size - 1 // bits behind the highest
	modelled := min(rest, firstBits)
	trees := m.first[size<<firstBits:]
	top := 0
	if !c.reading {
		top = int(value >> (rest - modelled) & (1<<modelled - 1))
	}
	top = c.tree(trees, modelled, top)
	tail := c.raw(value&(1<<(rest-modelled)-1), rest-modelled)
	return 1<<rest | uint64(top)<<(rest-modelled) | tail
}

// tree codes a value of that many bits, each with a probability that depends on those before it.
func (c *coder) tree(models []probability, count, value int) int {
	node := 1
	for i := count - 1; i >= 0; i-- {
		node = node<<1 | c.bit(&models[node], value>>i&1)
	}
	return node - 1<<count
}

// signed codes a whole number of either sign.
func (c *coder) signed(m *number, value int64) int64 {
	u := c.unsigned(m, uint64(value)<<1^uint64(value>>63))
	return int64(u>>1) ^ -int64(u&1)
}

// flag codes yes or no.
func (c *coder) flag(p *probability, value bool) bool {
	bit := 0
	if value {
		bit = 1
	}
	return c.bit(p, bit) == 1
}

// count codes the size of a list; a damaged block cannot ask for more than its bytes could hold.
func (c *coder) count(m *number, value int) int {
	n := c.unsigned(m, uint64(value))
	if c.reading && n > uint64(max(0, c.left)) {
		c.fail()
		return 0
	}
	return int(n)
}
