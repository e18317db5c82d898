package metrickit

import (
	"bytes"
	"sort"
)

// The JSON reader refuses what nests deeper than ten thousand levels, and a call stack takes two levels a frame. What lies
// below cutDepth is therefore taken out before a payload is read, and counted by itself: nothing else nests that deep.
const cutDepth = 1000

// cuts are the containers that were taken out of a payload, by the byte at which they begin.
type cuts []cutOut

type cutOut struct{ start, end int }

// at returns the cut that begins at a byte.
func (c cuts) at(start int32) (cutOut, bool) {
	i := sort.Search(len(c), func(i int) bool { return c[i].start >= int(start) })
	if i < len(c) && c[i].start == int(start) {
		return c[i], true
	}
	return cutOut{}, false
}

// shallow returns the payload with every container below cutDepth emptied, byte for byte as long, and where that was.
// A payload that nests less comes back as it is.
func shallow(raw []byte) ([]byte, cuts) {
	var out []byte
	var cut cuts
	depth, begun := 0, 0
	scan(raw, func(at int, b byte) bool {
		switch b {
		case '{', '[':
			if depth++; depth == cutDepth+1 {
				begun = at
			}
		case '}', ']':
			if depth == cutDepth+1 {
				if out == nil {
					out = bytes.Clone(raw)
				}
				cut = append(cut, cutOut{begun, at + 1})
				for i := begun + 1; i < at; i++ {
					out[i] = ' '
				}
			}
			depth--
		}
		return true
	})
	if out == nil {
		return raw, nil
	}
	return out, cut
}

// scan calls each for every bracket outside of strings, until it returns false.
func scan(raw []byte, each func(at int, b byte) bool) {
	inString := false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '}' || b == '[' || b == ']':
			if !each(i, b) {
				return
			}
		}
	}
}

// countFrames counts the frames in the text of a list of frames, how deep they nest, and finds the text of the last frame
// of the first branch. Every object in such a list is a frame.
func countFrames(text []byte) (frames, depth int, innermost []byte) {
	open, begun, found := 0, 0, false
	scan(text, func(at int, b byte) bool {
		switch b {
		case '{':
			frames++
			open++
			depth = max(depth, open)
			if !found {
				begun = at
			}
		case '}':
			if open--; !found {
				innermost, found = text[begun:at+1], true
			}
		}
		return true
	})
	return frames, depth, innermost
}
