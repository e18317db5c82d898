package block

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/lilims/bench/harness"
)

// Session is all that one launch yielded, each list in the order of recording.
type Session struct {
	Lines      []harness.EventLine
	Iterations []harness.Iteration
	Samples    []harness.Sample
	Battery    []harness.BatteryReading
	Absences   []harness.Absence
	Notices    []Notice
}

// Notice is a notice with its place among those of the run.
type Notice struct {
	Place  int64
	Notice harness.Notice
}

const version = 1

// Encode writes a session.
func Encode(s Session) ([]byte, error) {
	return pack(func(f *flow) error {
		_, err := f.session("", s)
		return err
	})
}

// Decode reads what Encode has written. id is the session's, which its parts name.
func Decode(data []byte, id string) (Session, error) {
	var out Session
	err := unpack(data, func(f *flow) (err error) {
		out, err = f.session(id, Session{})
		return err
	})
	return out, err
}

// EncodeTexts writes short JSON texts, such as the documents of a session.
func EncodeTexts(texts ...string) ([]byte, error) {
	return pack(func(f *flow) error {
		f.documents(texts)
		return nil
	})
}

// DecodeTexts reads what EncodeTexts has written.
func DecodeTexts(data []byte) ([]string, error) {
	var out []string
	err := unpack(data, func(f *flow) error {
		out = f.documents(nil)
		return nil
	})
	return out, err
}

// EncodeText writes a long text that resembles no other, such as a plan.
func EncodeText(text string) ([]byte, error) {
	return pack(func(f *flow) error {
		f.text(text)
		return nil
	})
}

// DecodeText reads what EncodeText has written.
func DecodeText(data []byte) (text string, err error) {
	err = unpack(data, func(f *flow) error {
		text = f.text("")
		return nil
	})
	return text, err
}

// pack puts the numbers and the texts of a flow into one value: version, checksum, length of the numbers, both.
func pack(write func(*flow) error) ([]byte, error) {
	f := newFlow(newWriter(), nil)
	if err := write(f); err != nil {
		return nil, err
	}
	numbers := f.finish()
	body := binary.AppendUvarint(nil, uint64(len(numbers)))
	body = append(body, numbers...)
	body = compressor().EncodeAll(f.texts, body)
	out := binary.LittleEndian.AppendUint32([]byte{version}, crc32.ChecksumIEEE(body))
	return append(out, body...), nil
}

// mostText bounds what the texts of a damaged block can unpack to, in bytes.
const mostText = 1 << 30

func unpack(data []byte, read func(*flow) error) error {
	if len(data) < 5 {
		return ErrTorn
	}
	if data[0] != version {
		return fmt.Errorf("a stored block has version %d; this bench knows %d", data[0], version)
	}
	body := data[5:]
	if binary.LittleEndian.Uint32(data[1:]) != crc32.ChecksumIEEE(body) {
		return fmt.Errorf("%w: its checksum is another", ErrTorn)
	}
	return open(body, read)
}

func open(body []byte, read func(*flow) error) error {
	size, used := binary.Uvarint(body)
	if used <= 0 || size > uint64(len(body)-used) {
		return ErrTorn
	}
	texts, err := decompressor().DecodeAll(body[used+int(size):], nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTorn, err)
	}
	f := newFlow(newReader(body[used:used+int(size)]), texts)
	if err := read(f); err != nil {
		return err
	}
	if f.err == nil && f.used != len(texts) {
		f.fail()
	}
	return f.err
}

// session codes the parts in the order in which they explain each other.
func (f *flow) session(id string, in Session) (Session, error) {
	var out Session
	var err error
	out.Lines = f.eventLines(id, in.Lines)
	out.Iterations = f.iterations(id, in.Iterations)
	known := out.Iterations
	if !f.reading {
		known = in.Iterations
	}
	out.Samples = f.samples(id, in.Samples, known)
	if out.Battery, err = f.battery(in.Battery); err != nil {
		return out, err
	}
	out.Absences = f.absences(id, in.Absences)
	out.Notices = f.notices(id, in.Notices)
	return out, f.err
}

// battery codes readings as their JSON, without its time, and the registry entry beside it.
func (f *flow) battery(in []harness.BatteryReading) ([]harness.BatteryReading, error) {
	n := f.count(newNumber(), len(in))
	readings, raws, at := newShapes(f), newShapes(f), newColumn(byLastStep)
	var apart, entries []line
	for _, b := range in {
		entries = append(entries, takeApart(b.Raw))
		b.Raw, b.At = "", time.Time{}
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		apart = append(apart, takeApart(string(text)))
	}
	ofReading, ofRaw := readings.learn(apart), raws.learn(entries)
	var out []harness.BatteryReading
	for i := 0; i < n && f.err == nil; i++ {
		var reading, raw line
		stamp := int64(0)
		if !f.reading {
			reading, raw, stamp = apart[i], entries[i], stampOf(in[i].At)
		}
		stamp = f.plain(at, stamp)
		reading, raw = readings.line(reading, ofReading), raws.line(raw, ofRaw)
		if !f.reading || f.err != nil {
			continue
		}
		var b harness.BatteryReading
		if err := json.Unmarshal([]byte(reading.together()), &b); err != nil {
			return nil, fmt.Errorf("a stored battery reading is torn: %w", err)
		}
		b.At, b.Raw = timeOf(stamp), raw.together()
		out = append(out, b)
	}
	return out, nil
}

func (f *flow) absences(id string, in []harness.Absence) []harness.Absence {
	n := f.count(newNumber(), len(in))
	w := newWords(f)
	var out []harness.Absence
	for i := 0; i < n && f.err == nil; i++ {
		var a harness.Absence
		if !f.reading {
			a = in[i]
		}
		told, _ := w.tuple(a.Metric, a.Reason)
		out = append(out, harness.Absence{Session: id, Metric: told[0], Reason: told[1]})
	}
	return out
}

func (f *flow) notices(id string, in []Notice) []Notice {
	n := f.count(newNumber(), len(in))
	w, place, at := newWords(f), newColumn(byLastStep), newColumn(byLast)
	var out []Notice
	for i := 0; i < n && f.err == nil; i++ {
		var one Notice
		if !f.reading {
			one = in[i]
		}
		one.Place = f.plain(place, one.Place)
		stamp := f.plain(at, stampOf(one.Notice.At))
		told, _ := w.tuple(one.Notice.What, one.Notice.Text)
		one.Notice = harness.Notice{Session: id, What: told[0], Text: told[1], At: timeOf(stamp)}
		out = append(out, one)
	}
	return out
}

func (f *flow) documents(in []string) []string {
	n := f.count(newNumber(), len(in))
	s := newShapes(f)
	var apart []line
	for _, text := range in {
		apart = append(apart, takeApart(text))
	}
	chosen := s.learn(apart)
	var out []string
	for i := 0; i < n && f.err == nil; i++ {
		var l line
		if !f.reading {
			l = apart[i]
		}
		l = s.line(l, chosen)
		out = append(out, l.together())
	}
	return out
}

// compressor and decompressor are made once: they are large, and safe for several at a time.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false), zstd.WithEncoderDictRaw(1, []byte(dictionary)))
		if err != nil {
			panic("block: constant settings are valid: " + err.Error())
		}
		return e
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(
			nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostText), zstd.WithDecoderDictRaw(1, []byte(dictionary)),
		)
		if err != nil {
			panic("block: constant settings are valid: " + err.Error())
		}
		return d
	})
)
