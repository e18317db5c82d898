package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

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
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		out = append(out, line)
	}
}

func TestDecoderReadsTheFixtureByteByByte(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures, "session.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := readAll(t, iotest.OneByteReader(bytes.NewReader(text)))
	if len(lines) != 9 {
		t.Fatalf("%d lines, want 9", len(lines))
	}
	for i, line := range lines {
		if line.Garbled != nil {
			t.Fatalf("line %d is garbled: %v", i+1, line.Garbled)
		}
		if line.Number != i+1 || line.Event.Seq != int64(i) {
			t.Errorf("line %d has number %d and seq %d", i+1, line.Number, line.Event.Seq)
		}
		again, err := EncodeLine(*line.Event)
		if err != nil || !reflect.DeepEqual(DecodeLine(i+1, bytes.TrimSpace(again)).Event, line.Event) {
			t.Errorf("EncodeLine(DecodeLine(x)) = %s, %v; want %s", again, err, line.Text)
		}
	}
	if got := lines[6].Event.Text; got != " a \"cat\"\né" {
		t.Errorf("text = %q", got)
	}
}

func TestDecodeLineGarbled(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"not JSON":              {`{"v":1,"seq":0,"at_ns":5,"kind":"hel`, "unexpected end"},
		"empty":                 {``, "unexpected end"},
		"an array":              {`[1,2]`, "cannot unmarshal"},
		"no version":            {`{"seq":0,"at_ns":5,"kind":"hello"}`, "no field v"},
		"version 0":             {`{"v":0,"seq":0,"at_ns":5,"kind":"hello"}`, "v is 0"},
		"no seq":                {`{"v":1,"at_ns":5,"kind":"hello"}`, "no field seq"},
		"negative seq":          {`{"v":1,"seq":-1,"at_ns":5,"kind":"hello"}`, "seq is -1"},
		"seq beyond doubles":    {`{"v":1,"seq":9223372036854775807,"at_ns":5,"kind":"hello"}`, "seq is"},
		"no time":               {`{"v":1,"seq":0,"kind":"hello"}`, "no field at_ns"},
		"negative time":         {`{"v":1,"seq":0,"at_ns":-4,"kind":"hello"}`, "at_ns is -4"},
		"no kind":               {`{"v":1,"seq":0,"at_ns":5}`, "no field kind"},
		"ids without stamps":    {`{"v":1,"seq":0,"at_ns":5,"kind":"tokens","iteration":0,"first":0,"ids":[1,2],"at":[3]}`, "2 ids and 1 time stamps"},
		"tokens of nothing":     {`{"v":1,"seq":0,"at_ns":5,"kind":"tokens","first":0}`, "tokens without iteration"},
		"sample without a unit": {`{"v":1,"seq":0,"at_ns":5,"kind":"sample","metric":"x","value":1}`, "sample without unit"},
		"time in text":          {`{"v":1,"seq":0,"at_ns":"5","kind":"hello"}`, "cannot unmarshal"},
		"not UTF-8":             {"{\"v\":1,\"seq\":0,\"at_ns\":5,\"kind\":\"hello\",\"os\":\"\xff\"}", "not UTF-8"},
		"too long":              {`{"v":1,"seq":0,"at_ns":5,"kind":"hello","text":"` + strings.Repeat("x", MaxLine) + `"}`, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			line := DecodeLine(7, []byte(tc.text))
			if line.Garbled == nil {
				t.Fatalf("DecodeLine(%.60s) = %+v, want garbled", tc.text, line.Event)
			}
			if !strings.Contains(line.Garbled.Error(), tc.want) || line.Garbled.Line != 7 || line.Garbled.Text != tc.text {
				t.Errorf("DecodeLine(%.60s): %v, want %q in it and the text kept", tc.text, line.Garbled, tc.want)
			}
		})
	}
}

func TestDecodeLineKeepsWhatItDoesNotKnow(t *testing.T) {
	unknown := DecodeLine(1, []byte(`{"v":1,"seq":3,"at_ns":5,"kind":"shader_cache","ops":{"ane":12}}`))
	if unknown.Garbled != nil || unknown.Event.Known() || !strings.Contains(string(unknown.Text), `"ane":12`) {
		t.Errorf("unknown kind: %+v", unknown)
	}
	newer := DecodeLine(1, []byte(`{"v":2,"seq":3,"at_ns":5,"kind":"tokens","ids":"packed","iteration":0}`))
	if newer.Garbled != nil || !newer.Event.Newer() || newer.Event.Seq != 3 {
		t.Errorf("newer version with a changed field: %+v", newer)
	}
}

func TestTaskFixture(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures, "plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	task, err := DecodeTask(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := task.Encode()
	if err != nil || strings.TrimSpace(string(again)) != strings.TrimSpace(string(text)) {
		t.Errorf("Encode() = %s, %v, want %s", again, err, text)
	}
	made := NewTask(harness.Task{
		Run: "r1", Session: "s000-candidate", Prompt: "Once upon a time", Model: harness.Model{Hash: "aa11"},
		Scenario: harness.Scenario{GenerateTokens: 3, Iterations: 1, ComputeUnits: harness.ComputeCPUOnly},
	}, "../../models/aa11")
	if made != task {
		t.Errorf("NewTask() = %+v, want %+v", made, task)
	}
	for name, text := range map[string]string{
		"later version": `{"v":2,"session":"s","model":"m"}`,
		"no session":    `{"v":1,"model":"m"}`,
		"not JSON":      `{`,
	} {
		if _, err := DecodeTask([]byte(text)); err == nil {
			t.Errorf("DecodeTask(%s): no error", name)
		}
	}
}

func TestEncoderNumbersLines(t *testing.T) {
	var b bytes.Buffer
	e := NewEncoder(&b, 5)
	for range 3 {
		if err := e.Encode(Event{Kind: Thermal, State: "nominal", AtNs: 1}); err != nil {
			t.Fatal(err)
		}
	}
	lines := readAll(t, &b)
	if len(lines) != 3 || lines[0].Event.Seq != 5 || lines[2].Event.Seq != 7 || lines[0].Event.V != Version {
		t.Errorf("encoded lines: %+v", lines)
	}
}
