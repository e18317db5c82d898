package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lilims/bench/harness"
)

// Encoder writes event lines. It fills in version and sequence number. One goroutine uses it.
type Encoder struct {
	out  io.Writer
	next int64
}

// NewEncoder writes to w; the first event gets sequence number first, which is 0 for a new file.
func NewEncoder(w io.Writer, first int64) *Encoder { return &Encoder{out: w, next: first} }

// Encode writes one event as one line in one Write call, so that a killed writer leaves whole lines but for the last.
func (e *Encoder) Encode(event Event) error {
	event.V, event.Seq = Version, e.next
	line, err := EncodeLine(event)
	if err != nil {
		return err
	}
	if _, err := e.out.Write(line); err != nil {
		return err
	}
	e.next++
	return nil
}

// EncodeLine gives the event as one line with its newline. Text is written as it is, without escaping for HTML.
func EncodeLine(event Event) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(event); err != nil {
		return nil, fmt.Errorf("event %d (%s): %w", event.Seq, event.Kind, err)
	}
	return b.Bytes(), nil
}

// NewTask says to the app what a launch is to do. model is the model's folder, relative to the plan's.
func NewTask(t harness.Task, model string) Task {
	s := t.Scenario
	return Task{
		V: Version, Run: t.Run, Session: t.Session,
		Model: model, ModelHash: t.Model.Hash, FirstEver: t.FirstEver,
		Prompt: t.Prompt, PromptTokens: s.PromptTokens, Generate: s.GenerateTokens, StopAtEnd: s.StopAtEnd,
		KVDepth: s.KVDepth, ScoreText: t.ScoreText, Warmups: s.Warmups, Iterations: s.Iterations, DurationNs: s.Duration.Nanoseconds(),
		MinWorkNs:    s.MinimumWork.Nanoseconds(),
		ComputeUnits: s.ComputeUnits, Temperature: s.Temperature, TopK: s.TopK, Seed: s.SamplingSeed,
		AbortThermal: s.AbortThermal,
	}
}

// Encode gives plan.json.
func (t Task) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(t); err != nil {
		return nil, fmt.Errorf("plan of session %s: %w", t.Session, err)
	}
	return b.Bytes(), nil
}

// DecodeTask reads plan.json as an app does: a plan of a later version is refused, an unknown field is passed over.
func DecodeTask(text []byte) (Task, error) {
	var t Task
	if err := json.Unmarshal(text, &t); err != nil {
		return Task{}, fmt.Errorf("plan.json: %w", err)
	}
	if t.V != Version {
		return Task{}, fmt.Errorf("plan.json has version %d, this reader knows %d", t.V, Version)
	}
	if t.Session == "" || t.Model == "" {
		return Task{}, errors.New("plan.json names no session or no model")
	}
	return t, nil
}
