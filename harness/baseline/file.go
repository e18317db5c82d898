package baseline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
)

// schema is the version of a baseline's file.
const schema = 1

// file is a baseline as it lies in the repository. Digest is over everything else, so that a number changed by hand does
// not pass for a measured one.
type file struct {
	Schema int    `json:"schema"`
	Digest string `json:"digest"`
	harness.Baseline
}

// numbers finds the innermost lists, which stand on one line each: a session is one line of a review.
var numbers = regexp.MustCompile(`\[[^][{}"]*\]`)

// Encode writes a baseline: the same value, the same bytes.
func Encode(b harness.Baseline) ([]byte, error) {
	digest, err := digestOf(b)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(file{schema, digest, b}, "", "  ")
	if err != nil {
		return nil, err
	}
	text = numbers.ReplaceAllFunc(text, func(list []byte) []byte {
		return bytes.ReplaceAll(bytes.Join(bytes.Fields(list), nil), []byte(","), []byte(", "))
	})
	return append(text, '\n'), nil
}

func digestOf(b harness.Baseline) (string, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Decode reads a baseline and refuses one that cannot be what [Encode] wrote.
func Decode(text []byte) (harness.Baseline, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var read file
	if err := decoder.Decode(&read); err != nil {
		return harness.Baseline{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return harness.Baseline{}, errors.New("something follows the baseline")
	}
	if read.Schema != schema {
		return harness.Baseline{}, fmt.Errorf("it has schema %d, this bench knows %d", read.Schema, schema)
	}
	if err := Check(read.Baseline); err != nil {
		return harness.Baseline{}, err
	}
	if digest, err := digestOf(read.Baseline); err != nil || digest != read.Digest {
		return harness.Baseline{}, errors.Join(errors.New("it was changed by hand since it was accepted: its digest does not fit"), err)
	}
	return read.Baseline, nil
}

// Check says what is wrong with a baseline's content, with the place.
func Check(b harness.Baseline) error {
	switch f := b.Fingerprint; {
	case b.Case == "":
		return errors.New("it names no case")
	case b.Build.Hash == "":
		return errors.New("it names no build")
	case f.UDID == "" || f.ModelHash == "" || f.ScenarioHash == "":
		return errors.New("its fingerprint is incomplete")
	case f.Kind == harness.KindImported:
		return errors.New("imported numbers are no baseline")
	case b.AcceptedAt.IsZero() || b.AcceptedBy == "":
		return errors.New("nobody has accepted it")
	case len(b.Series) == 0:
		return errors.New("it holds no series")
	}
	for _, metric := range sortedMetrics(b.Series) {
		if m, ok := harness.MetricNamed(metric); !ok || m.Name != metric {
			return fmt.Errorf("metric %q is not known", metric)
		}
		if err := checkNights(b.Series[metric]); err != nil {
			return fmt.Errorf("%s: %w", metric, err)
		}
	}
	return nil
}

func checkNights(nights []harness.BaselineNight) error {
	if len(nights) == 0 {
		return errors.New("no night")
	}
	for i, night := range nights {
		if _, err := time.Parse(time.DateOnly, night.Night); err != nil {
			return fmt.Errorf("night %q is not a date", night.Night)
		}
		if i > 0 && night.Night <= nights[i-1].Night {
			return fmt.Errorf("night %s follows %s", night.Night, nights[i-1].Night)
		}
		if len(night.Sessions) == 0 {
			return fmt.Errorf("night %s has no session", night.Night)
		}
		for j, session := range night.Sessions {
			for k, value := range session {
				if !(value > 0) || math.IsInf(value, 0) {
					return fmt.Errorf("night %s: session %d, iteration %d is %v: readings must be positive numbers", night.Night, j, k, value)
				}
			}
		}
	}
	return nil
}

func sortedMetrics(series map[string][]harness.BaselineNight) []string {
	var out []string
	for metric := range series {
		out = append(out, metric)
	}
	slices.Sort(out)
	return out
}
