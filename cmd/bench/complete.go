package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lilims/bench/harness/store"
)

// completions tells the shell what may follow a flag or a verb. What cannot be read is not offered: a shell shows no errors.
func (p *program) completions(root *cobra.Command) {
	of := map[string]func(*cobra.Command) []string{
		"device": p.deviceNames, "model": p.catalogueNames("models"), "scenario": p.catalogueNames("scenarios"),
		"policy": p.catalogueNames("policies"), "claims": p.catalogueNames("claims"), "resume": p.runNames,
		"runner": func(*cobra.Command) []string { return runnerNames() },
	}
	p.complete(root, of)
}

// complete registers what flags and arguments name, for a command and those below it.
func (p *program) complete(c *cobra.Command, of map[string]func(*cobra.Command) []string) {
	for name, names := range of {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, p.offer(names)) // fails only for a flag that is not there
		}
	}
	switch strings.TrimPrefix(c.CommandPath(), "bench ") {
	case "report", "compare", "export", "baseline accept", "baseline diff", "runs note", "runs delete":
		c.ValidArgsFunction = p.offer(p.runNames)
	case "run", "soak": // run --resume RUN
		c.ValidArgsFunction = p.offer(func(c *cobra.Command) []string {
			if !c.Flags().Changed("resume") {
				return nil
			}
			return p.runNames(c)
		})
	case "model show", "model verify", "model remove", "model add":
		c.ValidArgsFunction = p.offer(of["model"])
	}
	for _, below := range c.Commands() {
		p.complete(below, of)
	}
}

func (p *program) offer(names func(*cobra.Command) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, name := range names(cmd) {
			if strings.HasPrefix(strings.ToLower(name), strings.ToLower(typed)) {
				out = append(out, name)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// deviceNames are the catalogue's devices, as phones and simulated, and this host.
func (p *program) deviceNames(cmd *cobra.Command) []string {
	catalog, err := loadCatalog(p.flagOrSetting(cmd, "configs"))
	if err != nil {
		return nil
	}
	out := []string{runnerLocal}
	for _, name := range slices.Sorted(maps.Keys(catalog.Devices)) {
		out = append(out, name, runnerSimulated+"-"+strings.ToLower(name))
	}
	return out
}

func (p *program) catalogueNames(kind string) func(*cobra.Command) []string {
	return func(cmd *cobra.Command) []string {
		catalog, err := loadCatalog(p.flagOrSetting(cmd, "configs"))
		if err != nil {
			return nil
		}
		for _, k := range catalogueNames(catalog) {
			if k.kind == kind {
				return k.names
			}
		}
		return nil
	}
}

// runNames are the recorded runs, the latest first.
func (p *program) runNames(cmd *cobra.Command) []string {
	ctx := cmd.Context()
	recorder, err := store.OpenRecorded(ctx, p.flagOrSetting(cmd, "data"))
	if err != nil {
		return nil
	}
	defer recorder.Close()
	runs, err := recorder.Runs(ctx)
	if err != nil {
		return nil
	}
	out := []string{"latest"}
	for _, r := range runs {
		out = append(out, r.Run.ID)
	}
	return out
}

// flagOrSetting is what was typed, or what the settings say.
func (p *program) flagOrSetting(cmd *cobra.Command, name string) string {
	if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed {
		return flag.Value.String()
	}
	if p.settings == nil {
		return ""
	}
	return p.settings.String(name)
}
