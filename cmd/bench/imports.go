package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// foreign is one session of somebody else's file: readings by metric, under conditions that are taken as they are said.
type foreign struct {
	product, model, scenario string
	system, build            string
	modelBytes               int64
	at                       time.Time // zero: not said
	readings                 map[string][]float64
}

func (f *foreign) add(metric string, values ...float64) {
	if f.readings == nil {
		f.readings = map[string][]float64{}
	}
	f.readings[metric] = append(f.readings[metric], values...)
}

func importCommand() command {
	return command{
		name: "import", summary: "record numbers of other tools' files, marked as imported", usage: "FILE…",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if len(rest) == 0 {
					return 0, harness.UsageError("import", "It reads Go benchmark files, llama-bench's JSON and CSV, and JSON lines of iPhone runs.", "no file is named")
				}
				var all [][]foreign // every file is read before anything is recorded
				for _, file := range rest {
					sessions, err := readForeign(file)
					if err != nil {
						return 0, err
					}
					all = append(all, sessions)
				}
				if err := os.MkdirAll(dataFolder(env, *data), 0o755); err != nil {
					return 0, harness.UsageError("import", "Name another folder with --data.", "%w", err)
				}
				recorder, err := store.Open(ctx, store.File(dataFolder(env, *data)))
				if err != nil {
					return 0, err
				}
				defer recorder.Close()
				for i, file := range rest {
					run, err := recordForeign(ctx, env, recorder, file, all[i])
					if err != nil {
						return 0, err
					}
					fmt.Fprintf(env.Stdout, "%s: run %s, %s imported\n", file, run, harness.Count(len(all[i]), "session"))
				}
				return exitOK, nil
			}
		},
	}
}

// importLimit bounds a file in bytes.
const importLimit = 256 << 20

// readForeign reads a file in whichever of the known formats it is.
func readForeign(file string) ([]foreign, error) {
	fail := func(err error) ([]foreign, error) {
		return nil, harness.UsageError("import", "It reads Go benchmark files, llama-bench's JSON and CSV, and JSON lines of iPhone runs. Nothing was recorded.", "%s: %w", file, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return fail(err)
	}
	if info.Size() > importLimit {
		return fail(fmt.Errorf("%d bytes are more than the %d that are read", info.Size(), importLimit))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fail(err)
	}
	sessions, err := decodeForeign(text)
	if err != nil {
		return fail(err)
	}
	return sessions, nil
}

func decodeForeign(text []byte) ([]foreign, error) {
	var sessions []foreign
	var err error
	switch start := bytes.TrimSpace(text); {
	case len(start) == 0:
		return nil, errors.New("the file is empty")
	case start[0] == '[':
		sessions, err = readLlamaJSON(start)
	case start[0] == '{':
		sessions, err = readPhoneLines(start)
	case isLlamaCSV(start):
		sessions, err = readLlamaCSV(start)
	default:
		sessions, err = readGoBench(start)
	}
	if err != nil {
		return nil, err
	}
	if len(sessions) == 0 {
		return nil, errors.New("it holds no measurement")
	}
	for i, s := range sessions {
		for metric, values := range s.readings {
			for _, v := range values {
				if !(v > 0) || math.IsInf(v, 0) {
					return nil, fmt.Errorf("measurement %d: %s is %v: readings must be positive numbers", i+1, metric, v)
				}
			}
		}
		if len(s.readings) == 0 {
			return nil, fmt.Errorf("measurement %d has no known metric", i+1)
		}
	}
	return sessions, nil
}

// recordForeign makes a run of a file's sessions. The run is named by the file's content, so that a file that is
// imported twice is recorded once.
func recordForeign(ctx context.Context, env Env, recorder *store.Store, file string, sessions []foreign) (string, error) {
	digest := sha256.Sum256(fmt.Appendf(nil, "%v", sessions))
	run := harness.Run{ID: "imported-" + hex.EncodeToString(digest[:6]), Revision: env.Revision, Host: env.Host, Start: env.Clock.Now()}
	var entries []harness.Entry
	for i, s := range sessions {
		if s.at.IsZero() {
			s.at = run.Start
		}
		c := s.asCase()
		ordinal := slices.IndexFunc(run.Plan.Cases, func(o harness.Case) bool { return o == c })
		if ordinal < 0 {
			ordinal = len(run.Plan.Cases)
			run.Plan.Cases = append(run.Plan.Cases, c)
		}
		planned := harness.PlannedSession{ID: fmt.Sprintf("s%03d-candidate", i), Ordinal: i, Case: ordinal, Arm: harness.ArmCandidate, Pair: i}
		run.Plan.Sessions = append(run.Plan.Sessions, planned)
		entries = append(entries, s.entries(c, planned, filepath.Base(file))...)
	}
	run.Fingerprint = entries[0].SessionBegin.Fingerprint
	end := run.Start
	run.End = &end
	if err := recorder.Begin(ctx, run); err != nil {
		return "", err
	}
	if err := recorder.Record(ctx, run.ID, entries...); err != nil {
		return "", err
	}
	return run.ID, recorder.Finish(ctx, run.ID, end)
}

// asCase names what was measured. The unit is not known, so it is named after the product and marked.
func (f foreign) asCase() harness.Case {
	product, model, scenario := orUnknown(f.product), orUnknown(f.model), orUnknown(f.scenario)
	return harness.Case{
		Device:   harness.Device{UDID: "imported-" + product, Name: product + " (imported)", Kind: harness.KindImported, ProductType: product, OSVersion: f.system, OSBuild: f.system},
		Model:    harness.Model{Name: model, Hash: "imported-" + model, SizeBytes: f.modelBytes},
		Scenario: harness.Scenario{Name: scenario},
	}
}

// orUnknown keeps a name inside its part of a case's key.
func orUnknown(name string) string {
	if name = strings.ReplaceAll(harness.PrintableLine(name), "/", "_"); name == "" {
		return "unknown"
	}
	return name
}

func (f foreign) entries(c harness.Case, planned harness.PlannedSession, file string) []harness.Entry {
	begin := harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned, Case: c, At: f.at, Build: harness.Build{Arm: planned.Arm, Hash: "imported-" + orUnknown(f.build), Revision: f.build},
		Fingerprint: harness.Fingerprint{UDID: c.Device.UDID, OSBuild: f.system, ModelHash: c.Model.Hash, ScenarioHash: "imported-" + c.Scenario.Name,
			Protocol: "imported", PowerMode: "unknown", Kind: harness.KindImported}}
	out := []harness.Entry{{Session: planned.ID, SessionBegin: &begin}}
	most := 0
	for _, m := range harness.Metrics() {
		for _, v := range f.readings[m.Name] {
			out = append(out, harness.Entry{Session: planned.ID, Sample: &harness.Sample{Session: planned.ID, Metric: m.Name, Unit: m.Unit, Value: v, At: f.at,
				Source: harness.SourceImported, Method: file}})
		}
		most = max(most, len(f.readings[m.Name]))
	}
	return append(out, harness.Entry{Session: planned.ID, SessionEnd: &harness.SessionEnd{ID: planned.ID, Outcome: harness.OutcomeOK, Planned: most, Measured: most, At: f.at}})
}
