package config

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func effective(t *testing.T, s *Settings, name string) Effective {
	t.Helper()
	for _, e := range s.All() {
		if e.Name == name {
			return e
		}
	}
	require.Fail(t, "no setting "+name)
	return Effective{}
}

// TestSettingsPrecedence: a flag wins over the environment, that over the working folder's file, that over the person's own.
func TestSettingsPrecedence(t *testing.T) {
	own := SettingsFile{"own.yaml", []byte("data: own\npolicy: strict\nbaselines: own-baselines\nreconnect-timeout: 5m\n")}
	folder := SettingsFile{"bench.yaml", []byte("data: folder\npolicy: lab\n")}
	s, err := LoadSettings([]SettingsFile{own, folder}, environment(map[string]string{"BENCH_DATA": "environment"}))
	require.NoError(t, err)

	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	data, policy := flags.String("data", "bench-data", ""), flags.String("policy", "default", "")
	timeout, seed := flags.Duration("reconnect-timeout", time.Minute, ""), flags.Int("seed", 1, "")
	require.NoError(t, flags.Parse([]string{"--policy", "typed"}))
	require.NoError(t, s.Apply(flags))

	assert.Equal(t, "environment", *data)
	assert.Equal(t, "typed", *policy)
	assert.Equal(t, 5*time.Minute, *timeout)
	assert.Equal(t, 1, *seed)
	for name, source := range map[string]string{
		"data": "BENCH_DATA", "policy": "flag", "baselines": "own.yaml", "reconnect-timeout": "own.yaml", "scenario": "default",
	} {
		assert.Equal(t, source, effective(t, s, name).Source, name)
	}
	assert.Equal(t, "typed", effective(t, s, "policy").Text())
}

func TestSettingsOfSeveralValues(t *testing.T) {
	file := SettingsFile{"bench.yaml", []byte("device: [iPhone15, \"iPhone15,4\"]\nmodel: stories-1m\nno-color: true\n")}
	s, err := LoadSettings([]SettingsFile{file}, environment(nil))
	require.NoError(t, err)
	assert.Equal(t, "iPhone15 iPhone15,4", effective(t, s, "device").Text())
	assert.Equal(t, "stories-1m", effective(t, s, "model").Text())
	assert.True(t, s.Bool("no-color"))
}

// TestSettingsMistakes: all of them at once, with their places.
func TestSettingsMistakes(t *testing.T) {
	file := SettingsFile{"bench.yaml", []byte("data: x\nbaseline: y\nreconnect-timeout: soon\nquiet: perhaps\n")}
	_, err := LoadSettings([]SettingsFile{file}, environment(map[string]string{"BENCH_TELEMETRY_INTERVAL": "-1s"}))
	require.Error(t, err)
	assert.Equal(t, harness.KindUsage, harness.KindOf(err))
	for _, want := range []string{
		`bench.yaml:2: baseline: unknown key; did you mean "baselines"?`, "bench.yaml:3: reconnect-timeout: ", "bench.yaml:4: quiet: ",
		"BENCH_TELEMETRY_INTERVAL: ",
	} {
		require.ErrorContains(t, err, want)
	}
	var mistake Mistake
	require.ErrorAs(t, err, &mistake)
}
