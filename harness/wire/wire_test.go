package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

const fixtures = "../../runtime/Tests/Fixtures/wire"

func readAll(t *testing.T, r io.Reader) []Line {
	t.Helper()
	d := NewDecoder(r)
	var out []Line
	for {
		line, err := d.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err, "Next()")
		out = append(out, line)
	}
}

func TestDecoderReadsTheFixtureByteByByte(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures, "session.jsonl"))
	require.NoError(t, err)
	lines := readAll(t, iotest.OneByteReader(bytes.NewReader(text)))
	require.Len(t, lines, 9)
	for i, line := range lines {
		require.Nil(t, line.Garbled, "line %d is garbled", i+1)
		require.Equal(t, i+1, line.Number, "line %d has number %d and seq %d", i+1, line.Number, line.Event.Seq)
		assert.Equal(t, int64(i), line.Event.Seq, "line %d has number %d and seq %d", i+1, line.Number, line.Event.Seq)
		again, err := EncodeLine(*line.Event)
		require.NoError(t, err, "EncodeLine(DecodeLine(x)) = %s, %v; want %s", again, err, line.Text)
		assert.Equal(t, line.Event, DecodeLine(i+1, bytes.TrimSpace(again)).Event,
			"EncodeLine(DecodeLine(x)) = %s, %v; want %s", again, err, line.Text)
	}
	assert.Equal(t, " a \"cat\"\né", lines[6].Event.Text)
}

func TestDecodeLineGarbled(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"not JSON":           {`{"v":1,"seq":0,"at_ns":5,"kind":"hel`, "unexpected end"},
		"empty":              {``, "unexpected end"},
		"an array":           {`[1,2]`, "cannot unmarshal"},
		"no version":         {`{"seq":0,"at_ns":5,"kind":"hello"}`, "no field v"},
		"version 0":          {`{"v":0,"seq":0,"at_ns":5,"kind":"hello"}`, "v is 0"},
		"no seq":             {`{"v":1,"at_ns":5,"kind":"hello"}`, "no field seq"},
		"negative seq":       {`{"v":1,"seq":-1,"at_ns":5,"kind":"hello"}`, "seq is -1"},
		"seq beyond doubles": {`{"v":1,"seq":9223372036854775807,"at_ns":5,"kind":"hello"}`, "seq is"},
		"no time":            {`{"v":1,"seq":0,"kind":"hello"}`, "no field at_ns"},
		"negative time":      {`{"v":1,"seq":0,"at_ns":-4,"kind":"hello"}`, "at_ns is -4"},
		"no kind":            {`{"v":1,"seq":0,"at_ns":5}`, "no field kind"},
		"ids without stamps": {`{"v":1,"seq":0,"at_ns":5,"kind":"tokens","iteration":0,"first":0,"ids":[1,2],"at":[3]}`,
			"2 ids and 1 time stamps"},
		"tokens of nothing":     {`{"v":1,"seq":0,"at_ns":5,"kind":"tokens","first":0}`, "tokens without iteration"},
		"sample without a unit": {`{"v":1,"seq":0,"at_ns":5,"kind":"sample","metric":"x","value":1}`, "sample without unit"},
		"time in text":          {`{"v":1,"seq":0,"at_ns":"5","kind":"hello"}`, "cannot unmarshal"},
		"not UTF-8":             {"{\"v\":1,\"seq\":0,\"at_ns\":5,\"kind\":\"hello\",\"os\":\"\xff\"}", "not UTF-8"},
		"too long":              {`{"v":1,"seq":0,"at_ns":5,"kind":"hello","text":"` + strings.Repeat("x", MaxLine) + `"}`, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			line := DecodeLine(7, []byte(tc.text))
			require.NotNil(t, line.Garbled, "DecodeLine(%.60s) = %+v, want garbled", tc.text, line.Event)
			require.Contains(t, line.Garbled.Error(), tc.want,
				"DecodeLine(%.60s): %v, want %q in it and the text kept", tc.text, line.Garbled, tc.want)
			require.Equal(t, 7, line.Garbled.Line, "DecodeLine(%.60s): %v, want %q in it and the text kept", tc.text, line.Garbled, tc.want)
			assert.Equal(t, tc.text, line.Garbled.Text, "DecodeLine(%.60s): %v, want %q in it and the text kept", tc.text, line.Garbled, tc.want)
		})
	}
}

func TestDecodeLineKeepsWhatItDoesNotKnow(t *testing.T) {
	unknown := DecodeLine(1, []byte(`{"v":1,"seq":3,"at_ns":5,"kind":"shader_cache","ops":{"ane":12}}`))
	assert.Nil(t, unknown.Garbled, "unknown kind")
	assert.False(t, unknown.Event.Known(), "unknown kind")
	assert.Contains(t, string(unknown.Text), `"ane":12`, "unknown kind")
	newer := DecodeLine(1, []byte(`{"v":2,"seq":3,"at_ns":5,"kind":"tokens","ids":"packed","iteration":0}`))
	require.Nil(t, newer.Garbled, "newer version with a changed field")
	require.True(t, newer.Event.Newer(), "newer version with a changed field")
	assert.Equal(t, int64(3), newer.Event.Seq, "newer version with a changed field")
}

func TestTaskFixture(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures, "plan.json"))
	require.NoError(t, err)
	task, err := DecodeTask(text)
	require.NoError(t, err)
	again, err := task.Encode()
	require.NoError(t, err, "Encode() = %s, %v, want %s", again, err, text)
	assert.Equal(t, strings.TrimSpace(string(text)), strings.TrimSpace(string(again)), "Encode()")
	made := NewTask(harness.Task{
		Run: "r1", Session: "s000-candidate", Prompt: "Once upon a time", Model: harness.Model{Hash: "aa11"},
		Scenario: harness.Scenario{GenerateTokens: 3, Iterations: 1, ComputeUnits: harness.ComputeCPUOnly},
	}, "../../models/aa11")
	assert.Equal(t, task, made, "NewTask()")
	for name, text := range map[string]string{
		"later version": `{"v":2,"session":"s","model":"m"}`,
		"no session":    `{"v":1,"model":"m"}`,
		"not JSON":      `{`,
	} {
		_, err := DecodeTask([]byte(text))
		require.Error(t, err, "DecodeTask(%s): no error", name)
	}
}

func TestEncoderNumbersLines(t *testing.T) {
	var b bytes.Buffer
	e := NewEncoder(&b, 5)
	for range 3 {
		require.NoError(t, e.Encode(Event{Kind: Thermal, State: "nominal", AtNs: 1}))
	}
	lines := readAll(t, &b)
	require.Len(t, lines, 3, "encoded lines")
	require.Equal(t, int64(5), lines[0].Event.Seq, "encoded lines")
	require.Equal(t, int64(7), lines[2].Event.Seq, "encoded lines")
	assert.Equal(t, Version, lines[0].Event.V, "encoded lines")
}
