package store

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
)

// partSize cuts blocks so that four parts and what SQLite keeps of each fill a page of 4096 bytes.
const partSize = 1008

// tables are those whose rows a sealed launch no longer has.
var tables = []string{"event_lines", "iterations", "samples", "batteries", "absences", "notices"}

// seal turns the rows of a launch that has ended into a block. What is read back from the block is held against the rows
// before they go: a launch that would not come back the same keeps its rows, and a notice says so.
func (tx *writeTx) seal(id int64) error {
	q := querier{ctx: tx.ctx, tx: tx.store.writer}
	from, err := q.session(id)
	if err != nil || from.end == nil {
		return err
	}
	rows, err := q.rowsOf(from)
	if err != nil {
		return err
	}
	body, err := sealed(rows, from.begin.ID)
	if err != nil {
		_, err := tx.insert(`INSERT INTO notices (run, session, what, text, at) VALUES (?, ?, 'store', ?, ?)`,
			from.run, id, "its rows are kept as they are, which takes more space: "+err.Error(), from.end.At.UnixNano())
		return err
	}
	context, err := tx.context(contextOf(from.begin))
	if err != nil {
		return err
	}
	head, err := packHead(from.begin, *from.end)
	if err != nil {
		return err
	}
	figures, err := tx.figuresOf(from.begin, rows.Iterations, rows.Samples)
	if err != nil {
		return err
	}
	first, parts, err := tx.cut(body)
	if err != nil {
		return err
	}
	if _, err := tx.insert(`INSERT INTO sealed (session, context, first, parts, lines, head, figures) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id, context, first, parts, len(rows.Lines), head, figures.pack()); err != nil {
		return err
	}
	return tx.clear(id)
}

// sealed encodes the rows and makes sure that they come back.
func sealed(rows block.Session, id string) ([]byte, error) {
	body, err := block.Encode(rows)
	if err != nil {
		return nil, err
	}
	back, err := block.Decode(body, id)
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(back, rows) {
		return nil, fmt.Errorf("their block does not give them back")
	}
	return body, nil
}

// cut stores a block in parts, one after the other.
func (tx *writeTx) cut(body []byte) (first int64, parts int, err error) {
	for len(body) > 0 {
		n := min(partSize, len(body))
		id, err := tx.insert(`INSERT INTO sealed_parts (body) VALUES (?)`, body[:n])
		if err != nil {
			return 0, 0, err
		}
		if parts == 0 {
			first = id
		}
		body, parts = body[n:], parts+1
	}
	return first, parts, nil
}

// clear takes the rows and documents of a launch away.
func (tx *writeTx) clear(id int64) error {
	for _, table := range tables {
		if _, err := tx.insert(`DELETE FROM `+table+` WHERE session = ?`, id); err != nil {
			return err
		}
	}
	if _, err := tx.insert(`UPDATE sessions SET document = '' WHERE id = ?`, id); err != nil {
		return err
	}
	_, err := tx.insert(`UPDATE session_ends SET document = '' WHERE session = ?`, id)
	return err
}

// reopen gives a sealed launch its rows back, for an entry that came after its end. It is sealed again when the
// transaction ends.
func (tx *writeTx) reopen(id int64) error {
	if tx.reopened[id] {
		return nil
	}
	tx.reopened[id] = true
	isSealed, err := tx.one(`SELECT count(*) FROM sealed WHERE session = ?`, id)
	if err != nil || isSealed == 0 {
		return err
	}
	q := querier{ctx: tx.ctx, tx: tx.store.writer}
	from, err := q.session(id)
	if err != nil {
		return err
	}
	held, err := q.opened(from)
	if err != nil {
		return err
	}
	if err := tx.spread(from, held); err != nil {
		return err
	}
	if _, err := tx.insert(`DELETE FROM sealed_parts WHERE id >= ? AND id < ?`, from.seal.first, from.seal.first+from.seal.parts); err != nil {
		return err
	}
	if _, err := tx.insert(`DELETE FROM sealed WHERE session = ?`, id); err != nil {
		return err
	}
	tx.ended = append(tx.ended, id)
	return nil
}

// spread writes the rows that a block holds, and the documents.
func (tx *writeTx) spread(from session, held block.Session) error {
	begin, end, err := documents(from)
	if err != nil {
		return err
	}
	if _, err := tx.insert(`UPDATE sessions SET document = ? WHERE id = ?`, begin, from.id); err != nil {
		return err
	}
	if _, err := tx.insert(`UPDATE session_ends SET document = ? WHERE session = ?`, end, from.id); err != nil {
		return err
	}
	var entries []harness.Entry
	for i := range held.Lines {
		entries = append(entries, harness.Entry{Line: &held.Lines[i]})
	}
	for i := range held.Iterations {
		entries = append(entries, harness.Entry{Iteration: &held.Iterations[i]})
	}
	for i := range held.Samples {
		entries = append(entries, harness.Entry{Sample: &held.Samples[i]})
	}
	for i := range held.Battery {
		entries = append(entries, harness.Entry{Battery: &held.Battery[i]})
	}
	for i := range held.Absences {
		entries = append(entries, harness.Entry{Absence: &held.Absences[i]})
	}
	for _, e := range entries {
		if err := tx.row(from.id, e); err != nil {
			return err
		}
	}
	for _, n := range held.Notices {
		if _, err := tx.insert(`INSERT INTO notices (id, run, session, what, text, at) VALUES (?, ?, ?, ?, ?, ?)`,
			n.Place, from.run, from.id, n.Notice.What, n.Notice.Text, n.Notice.At.UnixNano()); err != nil {
			return err
		}
	}
	return nil
}

// opened reads what the block of a sealed launch holds.
func (q querier) opened(from session) (block.Session, error) {
	var body bytes.Buffer
	err := q.rows(`SELECT body FROM sealed_parts WHERE id >= ? AND id < ? ORDER BY id`, []any{from.seal.first, from.seal.first + from.seal.parts},
		func(scan func(...any) error) error {
			var part []byte
			err := scan(&part)
			body.Write(part)
			return err
		})
	if err != nil {
		return block.Session{}, err
	}
	return block.Decode(body.Bytes(), from.begin.ID)
}
