package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/crosscheck"
	"github.com/lilims/bench/harness/metrickit"
	"github.com/lilims/bench/harness/store"
)

// reading is one payload on its way.
type reading struct {
	source  string
	raw     []byte
	problem error
	large   func() (io.ReadCloser, error) // opens a source that is too large to be read

	payload metrickit.Payload // what parse has found; digest boils it down to the rest
	figures []byte
	records int
	lines   []byte // the records as Records gets them
	kept    store.Packed
}

// parse reads the payload, and computes its figures.
func (r *reading) parse() {
	if r.problem != nil {
		return
	}
	if r.payload, r.problem = metrickit.Parse(r.raw); r.problem != nil {
		return
	}
	r.records = len(r.payload.Records)
	r.figures, r.problem = crosscheck.EncodeFigures(r.payload.Records)
}

// digest makes of a parsed payload what is kept and printed, and lets go of the rest.
func (r *reading) digest(at time.Time, asJSON bool) {
	if r.large != nil {
		return // it is kept whole, by another way
	}
	if asJSON && r.problem == nil {
		r.lines, r.problem = recordLines(r.source, r.payload)
	}
	r.kept = store.Pack(r.taken(at))
	r.raw, r.payload, r.figures = nil, metrickit.Payload{}, nil
}

// taken is a parsed reading as it is kept.
func (r *reading) taken(at time.Time) harness.Taken {
	p := r.payload
	t := harness.Taken{
		Hash: sha256.Sum256(r.raw), Source: r.source, At: at, Format: p.Format, DeviceType: p.Device, OSBuild: p.OSBuild,
		AppBuild: p.AppBuild, BundleID: p.BundleID, Begin: p.Begin, End: p.End, ZoneStated: p.ZoneStated,
		Size: int64(len(r.raw)), Raw: r.raw, Figures: r.figures,
	}
	if r.problem != nil {
		t.Problem = r.problem.Error()
	}
	return t
}

// recordSchema is the version of a line's form: fields may be added, none changes its meaning under the same number.
const recordSchema = 1

// recordLine is a line of Records: a record, and the payload that it is of.
type recordLine struct {
	Schema int    `json:"schema"`
	Source string `json:"source"`
	Format string `json:"format"`
	metrickit.Record
}

func recordLines(source string, p metrickit.Payload) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for _, record := range p.Records {
		if err := encoder.Encode(recordLine{recordSchema, source, p.Format, record}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
