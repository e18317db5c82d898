package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"

	"github.com/lilims/bench/harness"
)

// Setting is a value that flags, the environment and files can give. Every verb that has a flag of its name reads it.
type Setting struct {
	Name    string
	Summary string
	Default any // string, []string, time.Duration or bool: also what the value must be
}

// Variable is the setting's name in the environment.
func (s Setting) Variable() string {
	return "BENCH_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// KnownSettings lists every setting, in the order in which people read them.
func KnownSettings() []Setting {
	return []Setting{
		{"data", "folder for the database, reports and models", "bench-data"},
		{"configs", "folder whose entries add to and override the built-in catalogue", ""},
		{"baselines", "folder of the accepted baselines", "baselines"},
		{"device", "devices to measure on: name, UDID or product type", []string{}},
		{"model", "models to measure: of the catalogue, or a folder", []string{"stories-1m"}},
		{"scenario", "scenarios to run", []string{"quick"}},
		{"policy", "policy of the catalogue: device conditions, metrics and thresholds", "default"},
		{"reconnect-timeout", "how long to wait for a device that has disconnected", 2 * time.Minute},
		{"telemetry-interval", "interval of the host's battery and memory readings", time.Second},
		{"no-color", "never use colour", false},
		{"quiet", "no progress and no notices", false},
	}
}

// SettingsFile is a settings file: its name for messages, and its content.
type SettingsFile struct {
	Name string
	Text []byte
}

// Settings are the values in force, each with where it came from. Flags win over the environment, that over the files
// in their reverse order, and those over the defaults.
type Settings struct {
	values  *viper.Viper
	sources map[string]string
}

// Effective is a setting's value and its source.
type Effective struct {
	Name   string `json:"name"`
	Value  any    `json:"value"`
	Source string `json:"source"` // "default", a file's name, a variable's name, or "flag"
}

// LoadSettings reads files, the weakest first, and the environment. Every mistake is reported with its file and line.
func LoadSettings(files []SettingsFile, getenv func(string) string) (*Settings, error) {
	s := &Settings{values: viper.New(), sources: map[string]string{}}
	for _, known := range KnownSettings() {
		s.values.SetDefault(known.Name, known.Default)
	}
	r := reader{}
	for _, file := range files {
		layer := map[string]any{}
		if node := r.parse(file.Name, file.Text); node != nil {
			r.take(file.Name, node, settingFields(layer))
		}
		if err := s.merge(layer, func(Setting) string { return file.Name }); err != nil {
			return nil, err
		}
	}
	environment := map[string]any{}
	for _, known := range KnownSettings() {
		text := getenv(known.Variable())
		if text == "" {
			continue
		}
		node := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
		if _, ok := known.Default.(bool); ok {
			node.Tag = "!!bool"
		}
		if err := settingField(known, environment)(node); err != nil {
			r.wrong(known.Variable(), 0, "", "%v", err)
		}
	}
	if err := s.merge(environment, Setting.Variable); err != nil {
		return nil, err
	}
	return s, r.err()
}

func (s *Settings) merge(layer map[string]any, source func(Setting) string) error {
	for _, known := range KnownSettings() {
		if _, ok := layer[known.Name]; ok {
			s.sources[known.Name] = source(known)
		}
	}
	return s.values.MergeConfigMap(layer)
}

func settingFields(layer map[string]any) map[string]field {
	fields := map[string]field{}
	for _, known := range KnownSettings() {
		fields[known.Name] = settingField(known, layer)
	}
	return fields
}

// settingField reads a value of the setting's type into a layer.
func settingField(s Setting, layer map[string]any) field {
	return func(n *yaml.Node) error {
		var err error
		switch s.Default.(type) {
		case string:
			var v string
			err = text(&v)(n)
			layer[s.Name] = v
		case []string:
			var v []string
			if n.Kind == yaml.ScalarNode {
				v = []string{n.Value}
			} else {
				err = texts(&v)(n)
			}
			layer[s.Name] = v
		case time.Duration:
			var v time.Duration
			err = duration(&v)(n)
			layer[s.Name] = v
		case bool:
			var v bool
			err = flag(&v)(n)
			layer[s.Name] = v
		}
		if err != nil {
			delete(layer, s.Name)
		}
		return err
	}
}

// Apply gives every flag that is a setting and was not typed the value that is in force, and keeps the flags that were.
func (s *Settings) Apply(flags *pflag.FlagSet) error {
	for _, known := range KnownSettings() {
		flag := flags.Lookup(known.Name)
		if flag == nil {
			continue
		}
		if flag.Changed {
			s.sources[known.Name] = "flag"
			if err := s.values.BindPFlag(known.Name, flag); err != nil {
				return err
			}
			continue
		}
		if s.sources[known.Name] == "" {
			continue
		}
		for _, text := range s.texts(known) {
			if err := flag.Value.Set(text); err != nil {
				return harness.UsageError(
					"read settings", "bench config show says where each value comes from.", "%s of %s: %w", known.Name, s.sources[known.Name], err,
				)
			}
		}
	}
	return nil
}

func (s *Settings) texts(known Setting) []string {
	if _, list := known.Default.([]string); list {
		return s.values.GetStringSlice(known.Name)
	}
	return []string{s.values.GetString(known.Name)}
}

// All lists every setting with its value and source.
func (s *Settings) All() []Effective {
	var out []Effective
	for _, known := range KnownSettings() {
		e := Effective{Name: known.Name, Value: s.values.Get(known.Name), Source: s.sources[known.Name]}
		if d, ok := e.Value.(time.Duration); ok {
			e.Value = d.String()
		}
		if e.Source == "" {
			e.Source = "default"
		}
		out = append(out, e)
	}
	return out
}

// Text is a value in one line.
func (e Effective) Text() string {
	if list, ok := e.Value.([]string); ok {
		return strings.Join(list, " ")
	}
	return fmt.Sprint(e.Value)
}

// Bool is the value of a switch.
func (s *Settings) Bool(name string) bool { return s.values.GetBool(name) }

// String is the value of a setting that is one text.
func (s *Settings) String(name string) string { return s.values.GetString(name) }
