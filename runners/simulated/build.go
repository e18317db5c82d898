package simulated

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/lilims/bench/harness"
)

// Words of a build's configuration that change how it behaves here.
const (
	speedWord  = "speed"
	memoryWord = "memory"
	powerWord  = "power"
	wordsWord  = "perplexity"
	otherWord  = "other" // number of the first token that differs from other builds', from 1
	cpuWord    = "cpu"   // operations of decode that fall back to the CPU
)

// Configuration returns a build's configuration with the behaviour that a text asks for: its words speed=0.85,
// memory=1.2, power=1.5, perplexity=1.05, other=20 and cpu=3, wherever they stand, between any other characters than
// letters and digits.
func Configuration(name, text string) string {
	out := []string{name}
	for _, word := range []string{speedWord, memoryWord, powerWord, wordsWord, otherWord, cpuWord} {
		if factor, ok := factorIn(text, word); ok {
			out = append(out, word+"="+strconv.FormatFloat(factor, 'g', -1, 64))
		}
	}
	return strings.Join(out, " ")
}

// Build describes a build that is never launched: a file or just a name, which tells two builds apart. Words such as
// speed=0.85 in the name, or in the file's first line, make it behave differently, as [Configuration] says.
func Build(file string, arm harness.Arm, version, revision string) harness.Build {
	identity := []byte(file)
	if text, err := os.ReadFile(file); err == nil { // a name that is no file is as good
		identity = text
	}
	line, _, _ := bytes.Cut(identity, []byte("\n"))
	digest := sha256.Sum256(identity)
	return harness.Build{Arm: arm, BundleID: "org.lilims.simulated." + string(arm), Version: version, Revision: revision,
		Configuration: Configuration("Release", string(line)), Hash: "simulated-" + hex.EncodeToString(digest[:8])}
}

// factorOf is a word's factor in a build's configuration, 1 where it does not stand there.
func factorOf(build harness.Build, word string) float64 {
	if factor, ok := factorIn(build.Configuration, word); ok {
		return factor
	}
	return 1
}

// factorIn finds word=NUMBER in a text. A factor is a positive number of at most 100.
func factorIn(text, word string) (float64, bool) {
	_, rest, found := strings.Cut(text, word+"=")
	if !found {
		return 0, false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		rest = rest[:end]
	}
	factor, err := strconv.ParseFloat(strings.TrimRight(rest, "."), 64) // "speed=0.85.ipa" ends with a dot
	return factor, err == nil && factor > 0 && factor <= 100 && !math.IsNaN(factor)
}
