package interop

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/lilims/bench/harness"
)

// File is a file of another tool, read.
type File struct {
	Path     string
	Sessions []Session // one at least
}

// ReadFiles reads files in whichever of the known formats each is. One that cannot be read is an error of kind usage: a
// caller that reads all before it records any leaves nothing half recorded.
func ReadFiles(paths ...string) ([]File, error) {
	var out []File
	for _, path := range paths {
		sessions, err := readFile(path)
		if err != nil {
			return nil, harness.UsageError("import", Readable+" Nothing was recorded.", "%s: %w", path, err)
		}
		out = append(out, File{path, sessions})
	}
	return out, nil
}

// Readable says which formats are read, as a hint.
const Readable = "It reads Go benchmark files, llama-bench's JSON and CSV, and JSON lines of iPhone runs."

// fileLimit bounds a file in bytes.
const fileLimit = 256 << 20

func readFile(path string) ([]Session, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > fileLimit {
		return nil, fmt.Errorf("%d bytes exceed the limit of %d", info.Size(), fileLimit)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// decode reads a file's text in whichever of the known formats it is.
func decode(text []byte) ([]Session, error) {
	var sessions []Session
	var err error
	switch start := bytes.TrimSpace(text); {
	case len(start) == 0:
		return nil, errors.New("the file is empty")
	case start[0] == '[':
		sessions, err = readLlamaJSON(start)
	case start[0] == '{':
		sessions, err = readPhoneLines(start)
	case isLlamaCSV(start):
		sessions, err = readLlamaCSV(start)
	default:
		sessions, err = readGoBench(start)
	}
	if err != nil {
		return nil, err
	}
	if len(sessions) == 0 {
		return nil, errors.New("it holds no measurement")
	}
	return sessions, positive(sessions)
}

// positive refuses sessions with a reading that no measurement gives, and sessions without any.
func positive(sessions []Session) error {
	for i, s := range sessions {
		for metric, values := range s.readings {
			for _, v := range values {
				if !(v > 0) || math.IsInf(v, 0) {
					return fmt.Errorf("measurement %d: %s is %v: readings must be positive numbers", i+1, metric, v)
				}
			}
		}
		if len(s.readings) == 0 {
			return fmt.Errorf("measurement %d has no known metric", i+1)
		}
	}
	return nil
}
