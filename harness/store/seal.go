package store

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
)

// partSize is the longest value that SQLite keeps within a page of 4096 bytes, with what it keeps beside it.
const partSize = 4050

// tables are those whose rows a sealed launch no longer has.
var tables = []string{"event_lines", "iterations", "samples", "batteries", "absences", "notices", "documents"}

// seal turns the rows of a launch that has ended into a block. What is read back from the block is compared with the rows
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
		_, noticeErr := tx.insert(`INSERT INTO notices (run, session, what, text, at) VALUES (?, ?, 'store', ?, ?)`,
			from.run, id, "its rows are kept as they are, which takes more space: "+err.Error(), from.end.At.UnixNano())
		return noticeErr
	}
	context, err := tx.context(contextOf(from.begin))
	if err != nil {
		return err
	}
	states, err := packStates(from.begin.State, *from.end)
	if err != nil {
		return err
	}
	figures, err := tx.figuresOf(from.begin, rows.Iterations, rows.Samples)
	if err != nil {
		return err
	}
	first, offset, err := tx.keepBlock(body)
	if err != nil {
		return err
	}
	if _, err := tx.insert(`INSERT INTO sealed (session, context, first, offset, size, lines, states, figures) VALUES (?, ?, ?, ?, ?, ?, ?,`+
		` ?)`,
		id, context, first, offset, len(body), len(rows.Lines), states, figures.pack()); err != nil {
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

// keepBlock appends a block to the parts and says where it begins.
func (tx *writeTx) keepBlock(body []byte) (first, offset int64, err error) {
	var last []byte
	err = tx.store.writer.QueryRowContext(tx.ctx, `SELECT id, body FROM sealed_parts ORDER BY id DESC LIMIT 1`).Scan(&first, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, err
	}
	offset = int64(len(last))
	if room := partSize - len(last); first > 0 && room > 0 {
		n := min(room, len(body))
		if _, err := tx.insert(`UPDATE sealed_parts SET body = ? WHERE id = ?`, append(last, body[:n]...), first); err != nil {
			return 0, 0, err
		}
		body = body[n:]
	} else {
		first, offset = first+1, 0
	}
	for ; len(body) > 0; body = body[min(partSize, len(body)):] {
		if _, err := tx.insert(`INSERT INTO sealed_parts (body) VALUES (?)`, body[:min(partSize, len(body))]); err != nil {
			return 0, 0, err
		}
	}
	return first, offset, nil
}

// clear takes the rows of a launch away.
func (tx *writeTx) clear(id int64) error {
	for _, table := range tables {
		if _, err := tx.insert(`DELETE FROM `+table+` WHERE session = ?`, id); err != nil {
			return err
		}
	}
	return nil
}

// reopen gives a sealed launch its rows back, for an entry that came after its end. It is sealed again when the
// transaction ends, in a new block; the space of the old one is lost, since entries after the end are rare.
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
	if _, err := tx.insert(`INSERT INTO documents (session, began, ended) VALUES (?, ?, ?)`, from.id, begin, end); err != nil {
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

// sealOf reads where the block of a sealed launch lies.
func (q querier) sealOf(id int64) (*seal, error) {
	s := new(seal)
	err := q.tx.QueryRowContext(q.ctx, `SELECT first, offset, size, lines FROM sealed WHERE session = ?`, id).Scan(
		&s.first, &s.offset, &s.size, &s.lines,
	)
	return s, err
}

// opened reads what the block of a sealed launch holds.
func (q querier) opened(from session) (block.Session, error) {
	body := make([]byte, 0, from.seal.offset+from.seal.size+partSize)
	whole := errors.New("it is whole") // ends the reading
	err := q.rows(`SELECT body FROM sealed_parts WHERE id >= ? ORDER BY id`, []any{from.seal.first}, func(scan func(...any) error) error {
		var part sql.RawBytes
		if err := scan(&part); err != nil {
			return err
		}
		if body = append(body, part...); int64(len(body)) >= from.seal.offset+from.seal.size {
			return whole
		}
		return nil
	})
	if err == nil {
		err = fmt.Errorf("the block of session %s is cut short", from.begin.ID)
	}
	if !errors.Is(err, whole) {
		return block.Session{}, err
	}
	return block.Decode(body[from.seal.offset:from.seal.offset+from.seal.size], from.begin.ID)
}
