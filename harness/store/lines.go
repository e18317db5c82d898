package store

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// The line codec writes a short text as one byte that names the form, and the body in that form. Event lines repeat
// each other's keys, so deflate with a dictionary of typical lines shrinks one to a third even on its own; a text that
// does not shrink is kept as it is. Bytes in are bytes out, whatever they say.
const (
	formPlain   = 0 // the body is the text
	formDeflate = 1 // the body is deflated with dictionary
)

// dictionary holds what event lines and battery entries have in common, the most frequent last, where deflate reaches
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

// pack encodes a text. The result is the caller's.
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

// unpackLine decodes what pack has written.
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
	default:
		return "", fmt.Errorf("a stored line has the unknown form %d", form)
	}
}
