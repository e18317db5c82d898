package config

import (
	"fmt"
	"math"
	"path"
	"sort"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lilims/bench/harness"
)

// Defaults of a scenario that does not say otherwise.
const (
	defaultSessions       = 5 // the first look of the gate's rule needs five pairs
	defaultIterations     = 6 // the optimum of session cost against iteration noise (docs/method.md)
	defaultSessionTimeout = 10 * time.Minute
)

func (r *reader) device(into map[string]harness.DeviceProfile, name, file string, n *yaml.Node) {
	d := harness.DeviceProfile{Name: name}
	var gib, limit float64
	r.take(file, n, map[string]field{
		"marketing": text(&d.Marketing), "product_type": text(&d.ProductType), "aliases": texts(&d.Aliases),
		"chip": text(&d.Chip), "memory_gib": number(&gib, 0.5, 1024), "app_limit_mib": number(&limit, 1, 1<<20),
		"battery_wh": number(&d.BatteryWh, 0.1, 1000),
	})
	d.MemoryBytes, d.LimitBytes = int64(gib*(1<<30)), int64(limit*(1<<20))
	if d.ProductType == "" {
		r.wrong(file, 0, "product_type", "missing")
	}
	into[name] = d
}

// sweep makes several scenarios of one file: one for each value of one key, named "<file>-<value>".
type sweep struct {
	promptTokens, kvDepth, generateTokens []int
}

func (r *reader) scenario(into map[string]harness.Scenario, name, file string, n *yaml.Node) {
	s := harness.Scenario{
		Name: name, Sessions: defaultSessions, ComputeUnits: harness.ComputeAll, StartThermal: harness.ThermalNominal,
		SessionTimeout: defaultSessionTimeout,
	}
	thermals := []harness.ThermalState{harness.ThermalNominal, harness.ThermalFair, harness.ThermalSerious, harness.ThermalCritical}
	var sw sweep
	r.take(file, n, map[string]field{
		"prompt": text(&s.Prompt), "prompt_tokens": whole(&s.PromptTokens, 1), "generate_tokens": whole(&s.GenerateTokens, 1),
		"stop_at_end": flag(&s.StopAtEnd), "kv_depth": whole(&s.KVDepth, 0), "score_text": text(&s.ScoreText), "warmups": whole(&s.Warmups, 0),
		"iterations": whole(&s.Iterations, 1), "sessions": whole(&s.Sessions, 1),
		"compute_units": oneOf(
			&s.ComputeUnits, harness.ComputeAll, harness.ComputeCPUOnly, harness.ComputeCPUAndGPU, harness.ComputeCPUAndNeuralEngine,
		),
		"temperature": number(&s.Temperature, 0, 10), "top_k": whole(&s.TopK, 1), "sampling_seed": whole(&s.SamplingSeed, 0),
		"start_thermal": oneOf(&s.StartThermal, thermals...), "abort_thermal": oneOf(&s.AbortThermal, thermals...),
		"duration": duration(&s.Duration), "minimum_work": duration(&s.MinimumWork), "session_timeout": duration(&s.SessionTimeout),
		"idle_before": duration(&s.IdleBefore),
		"sweep":       func(n *yaml.Node) error { return r.sweep(file, n, &sw) },
	})
	if s.Duration > 0 && s.Iterations > 0 {
		r.wrong(file, 0, "duration", "excludes iterations: a soak generates until its time is up")
	}
	if s.Duration > 0 && s.MinimumWork > 0 {
		r.wrong(file, 0, "minimum_work", "has no effect beside duration: a soak generates until its time is up")
	}
	if s.Duration == 0 && s.Iterations == 0 {
		s.Iterations = defaultIterations
	}
	r.checkScenario(file, s, sw)
	for _, each := range sw.expand(s) {
		if _, taken := into[each.Name]; taken {
			r.wrong(file, 0, "", "the scenario %s exists already", each.Name)
		}
		into[each.Name] = each
	}
}

func (r *reader) checkScenario(file string, s harness.Scenario, sw sweep) {
	if s.GenerateTokens == 0 && sw.generateTokens == nil {
		r.wrong(file, 0, "generate_tokens", "missing")
	}
	if s.Prompt == "" && s.PromptTokens == 0 && sw.promptTokens == nil {
		r.wrong(file, 0, "prompt", "missing, and no prompt_tokens of the built-in text")
	}
	if takes := s.Duration + s.MinimumWork + s.IdleBefore; s.SessionTimeout <= takes {
		r.wrong(file, 0, "session_timeout", "%v leaves no time beyond the %v that the session takes", s.SessionTimeout, takes)
	}
	if s.AbortThermal != "" && s.AbortThermal.Rank() <= s.StartThermal.Rank() {
		r.wrong(file, 0, "abort_thermal", "%s would end a session that may start at %s", s.AbortThermal, s.StartThermal)
	}
	if s.TopK > 0 && s.Temperature == 0 {
		r.wrong(file, 0, "top_k", "has no effect at temperature 0, which is greedy")
	}
}

func (r *reader) sweep(file string, n *yaml.Node, sw *sweep) error {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return fmt.Errorf("expected one key with a list of values")
	}
	r.take(file, n, map[string]field{
		"prompt_tokens": wholes(&sw.promptTokens, 1), "kv_depth": wholes(&sw.kvDepth, 0), "generate_tokens": wholes(&sw.generateTokens, 1),
	})
	return nil
}

func (sw sweep) expand(s harness.Scenario) []harness.Scenario {
	var out []harness.Scenario
	add := func(values []int, set func(*harness.Scenario, int)) {
		for _, v := range values {
			each := s
			each.Name = fmt.Sprintf("%s-%d", s.Name, v)
			set(&each, v)
			out = append(out, each)
		}
	}
	add(sw.promptTokens, func(s *harness.Scenario, v int) { s.PromptTokens = v })
	add(sw.kvDepth, func(s *harness.Scenario, v int) { s.KVDepth = v })
	add(sw.generateTokens, func(s *harness.Scenario, v int) { s.GenerateTokens = v })
	if out == nil {
		out = []harness.Scenario{s}
	}
	return out
}

func (r *reader) policy(into map[string]harness.Policy, name, file string, n *yaml.Node) {
	p := harness.Policy{
		Name: name, Threshold: map[string]float64{}, Floor: map[string]float64{}, Limit: map[string]float64{}, MaxBatteryCelsius: math.Inf(1),
	}
	r.take(file, n, map[string]field{
		"threshold":           func(n *yaml.Node) error { return r.byMetric(file, n, p.Threshold, 0.001, 1) },
		"floor":               func(n *yaml.Node) error { return r.byMetric(file, n, p.Floor, 0, math.MaxFloat64) },
		"limit":               func(n *yaml.Node) error { return r.byMetric(file, n, p.Limit, 0, math.MaxFloat64) },
		"required_cases":      texts(&p.RequiredCases),
		"required_metrics":    texts(&p.RequiredMetrics),
		"budget":              duration(&p.Budget),
		"freshness":           duration(&p.Freshness),
		"max_battery_celsius": number(&p.MaxBatteryCelsius, 0, 100),
		"min_battery_percent": number(&p.MinBatteryPercent, 0, 100),
		"cool_down_limit":     duration(&p.CoolDownLimit),
		"require_known":       flag(&p.RequireKnown),
		"probe_tolerance":     number(&p.ProbeTolerance, 0, 0.5),
		"probe_host":          flag(&p.ProbeHost),
	})
	if math.IsInf(p.MaxBatteryCelsius, 1) {
		r.wrong(file, 0, "max_battery_celsius", "missing")
		p.MaxBatteryCelsius = 0
	}
	if len(p.Threshold) == 0 {
		r.wrong(file, 0, "threshold", "missing: a policy says which change counts")
	}
	for _, pattern := range p.RequiredCases {
		if _, err := path.Match(pattern, ""); err != nil {
			r.wrong(file, 0, "required_cases", "%q is not a pattern", pattern)
		}
	}
	for i, named := range p.RequiredMetrics {
		m, _ := harness.MetricNamed(named)
		if p.Threshold[m.Name] == 0 {
			r.wrong(file, 0, "required_metrics", "%q has no threshold in this policy", named)
		}
		p.RequiredMetrics[i] = m.Name
	}
	into[name] = p
}

// nameMetrics puts the metrics' names for what people call them into a mapping's keys: "decode" is decode_tok_s.
func nameMetrics(n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if m, ok := harness.MetricNamed(n.Content[i].Value); ok {
			n.Content[i].Value = m.Name
		}
	}
}

// byMetric reads a number for each metric that is named.
func (r *reader) byMetric(file string, n *yaml.Node, into map[string]float64, least, most float64) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("expected a list of metrics with their limits")
	}
	fields := map[string]field{}
	values := map[string]*float64{}
	for _, m := range harness.Metrics() {
		values[m.Name] = new(float64)
		fields[m.Name] = number(values[m.Name], least, most)
	}
	nameMetrics(n)
	r.take(file, n, fields)
	for name, v := range values {
		if *v > 0 {
			into[name] = *v
		}
	}
	return nil
}

// Find returns the entry that a person means by a word: its name in any case. Otherwise the error, of kind usage,
// offers near names and lists what there is.
func Find[T any](what, word string, entries map[string]T) (T, error) {
	names := make([]string, 0, len(entries))
	for name, entry := range entries {
		if strings.EqualFold(name, word) {
			return entry, nil
		}
		names = append(names, name)
	}
	sort.Strings(names)
	hint := "Available: " + strings.Join(names, ", ") + "."
	if len(names) == 0 {
		hint = "The configuration has none."
	} else if near := harness.Near(word, names); near != "" {
		hint = fmt.Sprintf("Did you mean %s? %s", near, hint)
	}
	var none T
	return none, &harness.Error{Kind: harness.KindUsage, Op: "find " + what, Err: fmt.Errorf("no %s is called %q", what, word), Hint: hint}
}
