package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// baselineFlags is what `bench baseline` is asked for.
type baselineFlags struct {
	folder, data, configs *string
	nights                int
	by, reason            string
}

func baselineCommand() command {
	return command{
		name: "baseline", summary: "accept, show, compare and list stored baselines", usage: "accept [RUN] --reason TEXT | show [CASE] | diff [RUN] | list",
		setup: func(flags *flag.FlagSet) action {
			f := baselineFlags{folder: baselinesFlag(flags), data: dataFlag(flags), configs: configsFlag(flags)}
			flags.IntVar(&f.nights, "nights", 14, "`nights` to keep at the most, the latest")
			flags.StringVar(&f.by, "by", "", "`name` of who accepts (default $USER)")
			flags.StringVar(&f.reason, "reason", "", "`text` that says why this build is the new baseline")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				verbs := map[string]func(context.Context, Env, string) error{"accept": f.accept, "show": f.show, "diff": f.diff, "list": f.list}
				if len(rest) == 0 || verbs[rest[0]] == nil {
					return 0, harness.UsageError("baseline", "See bench help baseline.", "say accept, show, diff or list")
				}
				if len(rest) > 2 || rest[0] == "list" && len(rest) > 1 {
					return 0, noArguments("baseline", rest[len(rest)-1:])
				}
				return exitOK, verbs[rest[0]](ctx, env, strings.Join(rest[1:], ""))
			}
		},
	}
}

func baselinesFlag(flags *flag.FlagSet) *string {
	return flags.String("baselines", "baselines", "`folder` of the stored baselines, reviewed like code")
}

// unsafeInName is what a folder's name does not take from a device or a model.
var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// baselinePath is where a case's baseline lies: <folder>/<device>/<model>/<scenario>.json.
func baselinePath(folder string, c harness.Case, catalog harness.Catalog) string {
	device := c.Device.ProductType
	if profile, ok := profileNamed(device, catalog); ok {
		device = profile.Name
	}
	parts := []string{folder}
	for _, name := range []string{device, c.Model.Name, c.Scenario.Name + ".json"} {
		parts = append(parts, strings.TrimLeft(unsafeInName.ReplaceAllString(name, "_"), "."))
	}
	return filepath.Join(parts...)
}

// readBaseline reads a stored baseline. One that is not there is nil.
func readBaseline(path string) (*harness.Baseline, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var b harness.Baseline
	if err == nil {
		b, err = gate.DecodeBaseline(text)
	}
	if err != nil {
		return nil, harness.UsageError("read baseline", "Take the reviewed file back from git, or accept a run again.", "%s: %w", path, err)
	}
	return &b, nil
}

// proposal is the baseline that a run would make for one of its cases.
type proposal struct {
	path string
	harness.Baseline
}

// propose gathers, for every case of a run, the nights of the run's candidate on that unit under the same conditions.
func (f *baselineFlags) propose(ctx context.Context, env Env, run string) ([]proposal, error) {
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *f.data))
	if err != nil {
		return nil, err
	}
	defer recorder.Close()
	if run == "" {
		if run, err = recorder.Latest(ctx, false); err != nil {
			return nil, err
		}
	}
	if _, err := recorder.Run(ctx, run); err != nil {
		return nil, err
	}
	catalog, err := loadCatalog(*f.configs)
	if err != nil {
		return nil, err
	}
	var out []proposal
	for _, m := range harness.Metrics() {
		of, err := recorder.Series(ctx, harness.SeriesQuery{Run: run, Arm: harness.ArmCandidate, Metric: m.Name, Summary: true})
		if err != nil {
			return nil, err
		}
		for _, begin := range firstOfEachCase(of) {
			nights, err := f.nightsLike(ctx, recorder, m, begin)
			if err != nil {
				return nil, err
			}
			if len(nights) > 0 {
				out = addSeries(out, baselinePath(*f.folder, begin.Case, catalog), begin, m.Name, nights)
			}
		}
	}
	if len(out) == 0 {
		return nil, harness.UsageError("baseline", "bench report shows what the run recorded; the first launch after an install does not count.", "run %s has no session that counts", run)
	}
	return out, nil
}

func firstOfEachCase(sessions []harness.SessionSeries) []harness.SessionBegin {
	var out []harness.SessionBegin
	seen := map[string]bool{}
	for _, s := range sessions {
		if key := s.Begin.Case.Key() + "\x00" + s.Begin.Fingerprint.UDID; !seen[key] {
			seen[key] = true
			out = append(out, *s.Begin)
		}
	}
	return out
}

// nightsLike reads the nights of one metric under the conditions of a session, with its build.
func (f *baselineFlags) nightsLike(ctx context.Context, recorder *store.Store, m harness.Metric, like harness.SessionBegin) ([]harness.BaselineNight, error) {
	all, err := recorder.Series(ctx, harness.SeriesQuery{Case: like.Case.Key(), UDID: like.Fingerprint.UDID, Metric: m.Name, Arm: harness.ArmCandidate})
	if err != nil {
		return nil, err
	}
	same := slices.DeleteFunc(all, func(s harness.SessionSeries) bool {
		return s.Begin.Build.Hash != like.Build.Hash || s.Begin.Fingerprint != like.Fingerprint
	})
	return gate.Nights(m, same, f.nights), nil
}

func addSeries(to []proposal, path string, begin harness.SessionBegin, metric string, nights []harness.BaselineNight) []proposal {
	for i := range to {
		if to[i].path == path && to[i].Fingerprint.UDID == begin.Fingerprint.UDID {
			to[i].Series[metric] = nights
			return to
		}
	}
	build := begin.Build
	build.Path = "" // of this host
	return append(to, proposal{path, harness.Baseline{Case: begin.Case.Key(), Build: build, Fingerprint: begin.Fingerprint,
		Series: map[string][]harness.BaselineNight{metric: nights}}})
}

func (f *baselineFlags) accept(ctx context.Context, env Env, run string) error {
	if f.reason == "" {
		return harness.UsageError("baseline accept", "People will read it in the review.", "--reason is missing")
	}
	if f.by == "" {
		f.by = env.Getenv("USER")
	}
	if f.by == "" {
		return harness.UsageError("baseline accept", "Name yourself with --by.", "who accepts is not known")
	}
	proposed, err := f.propose(ctx, env, run)
	if err != nil {
		return err
	}
	for i, p := range proposed {
		if slices.ContainsFunc(proposed[:i], func(o proposal) bool { return o.path == p.path }) {
			return harness.UsageError("baseline accept", "Keep each unit's baselines in a folder of its own, with --baselines.", "two units of the run would share %s", p.path)
		}
		p.AcceptedAt, p.AcceptedBy, p.Reason = env.Clock.Now().UTC().Truncate(time.Second), f.by, f.reason
		if err := gate.CheckBaseline(p.Baseline); err != nil {
			return harness.UsageError("baseline accept", "Accept a run whose readings are measured.", "%s: %w", p.Case, err)
		}
		text, err := gate.EncodeBaseline(p.Baseline)
		if err != nil {
			return err
		}
		if err := writeFile(p.path, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "%s: %s\n", p.path, describeBaseline(p.Baseline))
	}
	return nil
}

// describeBaseline is a baseline in one line.
func describeBaseline(b harness.Baseline) string {
	nights, sessions := 0, 0
	for _, series := range b.Series {
		nights = max(nights, len(series))
		n := 0
		for _, night := range series {
			n += len(night.Sessions)
		}
		sessions = max(sessions, n)
	}
	return fmt.Sprintf("build %s, %s, %s, %s", short(b.Build.Hash), harness.Count(nights, "night"), harness.Count(sessions, "session"), harness.Count(len(b.Series), "metric"))
}

func short(hash string) string { return hash[:min(len(hash), 22)] }

// each calls do for every stored baseline, in the order of their paths.
func (f *baselineFlags) each(do func(path string, b harness.Baseline) error) error {
	return filepath.WalkDir(*f.folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) && path == *f.folder {
			return harness.UsageError("baseline", "bench baseline accept makes one.", "there is no folder %s", path)
		}
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		b, err := readBaseline(path)
		if err != nil {
			return err
		}
		return do(path, *b)
	})
}

func (f *baselineFlags) list(_ context.Context, env Env, _ string) error {
	rows := [][]string{{"FILE", "CASE", "BUILD", "NIGHTS", "ACCEPTED", "BY", "REASON"}}
	err := f.each(func(path string, b harness.Baseline) error {
		nights := 0
		for _, series := range b.Series {
			nights = max(nights, len(series))
		}
		rows = append(rows, []string{path, b.Case, short(b.Build.Hash), fmt.Sprint(nights), b.AcceptedAt.Format(time.DateOnly), b.AcceptedBy, b.Reason})
		return nil
	})
	if err != nil {
		return err
	}
	return reports.Columns(env.Stdout, rows)
}

// show prints the medians of a case's baseline, or of all.
func (f *baselineFlags) show(_ context.Context, env Env, word string) error {
	shown := 0
	err := f.each(func(path string, b harness.Baseline) error {
		if word != "" && word != b.Case && word != path {
			return nil
		}
		shown++
		fmt.Fprintf(env.Stdout, "%s\n  %s\n  %s, revision %s; accepted %s by %s: %s\n", b.Case, path, describeBaseline(b), b.Build.Revision,
			b.AcceptedAt.Format(time.DateOnly), harness.PrintableLine(b.AcceptedBy), harness.PrintableLine(b.Reason))
		rows := [][]string{}
		for _, m := range harness.Metrics() {
			if nights, ok := b.Series[m.Name]; ok {
				rows = append(rows, []string{"  " + m.Name, fmt.Sprintf("%.6g %s", nightsMedian(nights), m.Unit), harness.Count(len(nights), "night")})
			}
		}
		return reports.Columns(env.Stdout, rows)
	})
	if err == nil && shown == 0 {
		return harness.UsageError("baseline show", "bench baseline list shows what there is.", "no baseline is stored for %q", word)
	}
	return err
}

// nightsMedian is the median of the nights' medians.
func nightsMedian(nights []harness.BaselineNight) float64 {
	var out []float64
	for _, night := range nights {
		var sessions []float64
		for _, s := range night.Sessions {
			sessions = append(sessions, stats.Median(s))
		}
		out = append(out, stats.Median(sessions))
	}
	return stats.Median(out)
}

// diff says what accepting a run would change.
func (f *baselineFlags) diff(ctx context.Context, env Env, run string) error {
	proposed, err := f.propose(ctx, env, run)
	if err != nil {
		return err
	}
	for _, p := range proposed {
		old, err := readBaseline(p.path)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "%s\n", p.Case)
		if old == nil {
			fmt.Fprintf(env.Stdout, "  new: %s\n", describeBaseline(p.Baseline))
			continue
		}
		if err := printDifference(env.Stdout, *old, p.Baseline); err != nil {
			return err
		}
	}
	return nil
}

func printDifference(w io.Writer, old, proposed harness.Baseline) error {
	fmt.Fprintf(w, "  - %s\n  + %s\n", describeBaseline(old), describeBaseline(proposed))
	if differs := gate.Differences(sessionsOf(old, proposed)); len(differs) > 0 {
		fmt.Fprintf(w, "  not comparable: %s\n", strings.Join(differs, ", "))
	}
	rows := [][]string{}
	for _, m := range harness.Metrics() {
		was, hadIt := old.Series[m.Name]
		is, hasIt := proposed.Series[m.Name]
		if !hadIt && !hasIt {
			continue
		}
		row := []string{"  " + m.Name, "—", "—", ""}
		if hadIt {
			row[1] = fmt.Sprintf("%.6g", nightsMedian(was))
		}
		if hasIt {
			row[2] = fmt.Sprintf("%.6g %s", nightsMedian(is), m.Unit)
		}
		if hadIt && hasIt {
			row[3] = fmt.Sprintf("%+.1f %%", 100*(nightsMedian(is)/nightsMedian(was)-1))
		}
		rows = append(rows, row)
	}
	return reports.Columns(w, rows)
}

// sessionsOf gives baselines the form that comparability is asked of.
func sessionsOf(baselines ...harness.Baseline) []harness.SessionSeries {
	var out []harness.SessionSeries
	for _, b := range baselines {
		out = append(out, harness.SessionSeries{Begin: &harness.SessionBegin{Fingerprint: b.Fingerprint, Build: b.Build}})
	}
	return out
}
