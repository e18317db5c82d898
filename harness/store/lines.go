package store

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// The line codec writes a text as one byte that names the form, and the body in that form. Event lines repeat each
// other's keys and hold large numbers, so they are written as phrases and numbers (see phrases.go), to a third of their
// size in a microsecond; a battery's registry entry, long and rare, is deflated. What would grow is kept as it is.
// Bytes in are bytes out, whatever they say.
//
// Note: deflate with a dictionary for event lines too took a hundred microseconds a line, most of it to forget the line
// before. On a host that is itself being measured that disturbs the measurement.
const (
	formPlain   = 0 // the body is the text
	formDeflate = 1 // the body is deflated with dictionary
	formPhrases = 2 // the body is phrases, numbers and literals
)

// dictionary holds what battery entries and event lines have in common, the most frequent last, where deflate reaches
// it most cheaply. Changing it changes what formDeflate means: a new dictionary is a new form.
const dictionary = `"TimeRemaining":"ExternalConnected":false,"IsCharging":false,"FullyCharged":false,"DesignCapacity":` +
	`"CycleCount":"NominalChargeCapacity":"AppleRawMaxCapacity":"AppleRawCurrentCapacity":"AbsoluteCapacity":"Temperature":` +
	`"InstantAmperage":"Amperage":"Voltage":"CurrentCapacity":100,"UpdateTime":"PowerTelemetryData":{"SystemPowerIn":` +
	`"SystemLoad":"AccumulatedSystemLoad":"SystemLoadAccumulatorCount":"AccumulatedSystemEnergyConsumed":"BatteryPower":` +
	`{"v":1,"seq":0,"at_ns":,"kind":"hello","session":"s000-candidate","agent":"1.0.0","pid":,"bundle_id":"org.lilims.bench",` +
	`"revision":"","configuration":"Release","backend":"coreml","backend":"reference","compute_units":"cpu_and_neural_engine",` +
	`"os":"","machine":"","memory_bytes":,"low_power":false,"unix_ns":}` +
	`"kind":"load","regime":"first_ever","regime":"warm","regime":"cold","ns":,"model":"","model_hash":"","model_bytes":}` +
	`"kind":"error","code":"out_of_memory","message":""}"kind":"end","count":,"reason":"complete"}` +
	`"kind":"thermal","state":"serious"}"kind":"thermal","state":"fair"}"kind":"thermal","state":"nominal"}` +
	`"kind":"iteration_begin","iteration":0,"warmup":true,"warmup":false,"prompt_tokens":` +
	`"kind":"prefill","iteration":0,"prompt_tokens":,"ns":}` +
	`"kind":"iteration_end","iteration":0,"outcome":"ok","reason":"length","count":,"text":""}` +
	`"kind":"sample","iteration":0,"metric":"available_memory_bytes","metric":"footprint_bytes","value":,"unit":"B","phase":"load"}` +
	`"phase":"prefill"}"phase":"decode"}` +
	`{"v":1,"seq":,"at_ns":,"kind":"tokens","iteration":0,"first":,"ids":[],"at":[],"text":" `

// lineCodec holds the compressor, which is large and made once. It serves one goroutine at a time.
type lineCodec struct {
	buffer bytes.Buffer
	writer *flate.Writer
}

func newLineCodec() *lineCodec {
	c := &lineCodec{}
	writer, err := flate.NewWriterDict(&c.buffer, flate.BestCompression, []byte(dictionary))
	if err != nil {
		panic("store: a constant compression level is valid: " + err.Error())
	}
	c.writer = writer
	return c
}

// packLine encodes an event line.
func packLine(text string) []byte {
	packed := appendPhrases([]byte{formPhrases}, text)
	if len(packed) > len(text) {
		return append([]byte{formPlain}, text...)
	}
	return packed
}

// pack encodes a long text. The result is the caller's.
func (c *lineCodec) pack(text string) ([]byte, error) {
	c.buffer.Reset()
	c.buffer.WriteByte(formDeflate)
	c.writer.Reset(&c.buffer) // keeps the dictionary
	if _, err := io.WriteString(c.writer, text); err != nil {
		return nil, fmt.Errorf("compress a line: %w", err)
	}
	if err := c.writer.Close(); err != nil {
		return nil, fmt.Errorf("compress a line: %w", err)
	}
	if c.buffer.Len() > len(text) {
		return append([]byte{formPlain}, text...), nil
	}
	return bytes.Clone(c.buffer.Bytes()), nil
}

// unpackLine decodes what packLine or pack has written.
func unpackLine(data []byte) (string, error) {
	if len(data) == 0 {
		return "", errors.New("a stored line is empty")
	}
	switch form := data[0]; form {
	case formPlain:
		return string(data[1:]), nil
	case formDeflate:
		text, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(data[1:]), []byte(dictionary)))
		if err != nil {
			return "", fmt.Errorf("a stored line is torn: %w", err)
		}
		return string(text), nil
	case formPhrases:
		return readPhrases(data[1:])
	default:
		return "", fmt.Errorf("a stored line has the unknown form %d", form)
	}
}
