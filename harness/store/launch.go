package store

import (
	"bytes"
	"database/sql"
	"encoding/json"

	"github.com/lilims/bench/harness"
)

// launchColumns of launchTables are what a launchRow holds.
const (
	launchColumns = `s.id, s.run, s.attempt, s.pair, s.at, s.name, s.planned, s.arm, x.context, x.figures`
	launchTables  = `sessions s LEFT JOIN sealed x ON x.session = s.id`
)

// launchRow is where launches are read to, one after the other: of a year there are hundreds of thousands, and the bytes
// of a row last until the next.
type launchRow struct {
	id, run, attempt, pair, at int64
	name, planned, arm         sql.RawBytes
	context                    sql.NullInt64
	figures                    sql.RawBytes

	columns   []any // of all these
	unpacking unpacking
}

func newLaunchRow(wanted func(metric int64) bool) *launchRow {
	r := &launchRow{unpacking: unpacking{wanted: wanted}}
	r.columns = []any{&r.id, &r.run, &r.attempt, &r.pair, &r.at, &r.name, &r.planned, &r.arm, &r.context, &r.figures}
	return r
}

// launched is a launch as its row tells, with the wanted figures of a sealed one.
type launched struct {
	session
	sealed  bool
	figures figures
}

// launch reads the launch of a row: from its documents or, sealed, from the row, its context and its figures; then
// without the device's state, its end and where its block lies.
func (q querier) launch(row *launchRow) (*launched, error) {
	l := &launched{session: session{id: row.id, run: row.run}, sealed: row.context.Valid}
	if !l.sealed {
		return l, q.documents(&l.session)
	}
	var err error
	if l.figures, err = row.unpacking.figures(row.figures); err != nil {
		return l, err
	}
	shared, err := q.context(row.context.Int64)
	if err != nil {
		return l, err
	}
	begin := &l.begin
	begin.ID, begin.Attempt, begin.At = string(row.name), int(row.attempt), wall(row.at)
	begin.Planned, begin.Prepared = l.figures.planned, l.figures.prepared
	begin.Planned.Arm, begin.Planned.Pair = armOf(row.arm), int(row.pair)
	if bytes.HasPrefix(row.name, row.planned) { // as of almost all: one text for both
		begin.Planned.ID = begin.ID[:len(row.planned)]
	} else {
		begin.Planned.ID = string(row.planned)
	}
	begin.Case, begin.Build, begin.Fingerprint = shared.Case, shared.Build, shared.Fingerprint
	return l, nil
}

// armOf is the arm of that name, without a text of its own for those that there are.
func armOf(name []byte) harness.Arm {
	for _, arm := range []harness.Arm{harness.ArmBaseline, harness.ArmCandidate} {
		if string(name) == string(arm) {
			return arm
		}
	}
	return harness.Arm(name)
}

// documents reads what a launch that is not sealed began with, and its end where it has one.
func (q querier) documents(of *session) error {
	var began string
	var ended sql.NullString
	if err := q.tx.QueryRowContext(q.ctx, `SELECT began, ended FROM documents WHERE session = ?`, of.id).Scan(&began, &ended); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(began), &of.begin); err != nil || !ended.Valid {
		return err
	}
	of.end = new(harness.SessionEnd)
	return json.Unmarshal([]byte(ended.String), of.end)
}
