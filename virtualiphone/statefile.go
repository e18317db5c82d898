package virtualiphone

import (
	"encoding/json"
	"math"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// stateFile is where apps read what the phone would tell them through iOS.
func (p *Phone) stateFile() string { return filepath.Join(p.options.Dir, "state.json") }

// environment is what an app finds besides its container.
func (p *Phone) environment() map[string]string {
	return map[string]string{"VIRTUAL_IPHONE_STATE": p.stateFile(), "VIRTUAL_IPHONE_MODEL": p.profile.ProductType}
}

// writeState replaces the state file when its contents change. A write that fails is logged, and tried again by the next
// tick.
func (p *Phone) writeState() {
	truth := p.gauge.Truth()
	text, err := json.Marshal(map[string]any{
		"thermal": truth.Thermal, "battery_percent": math.Round(truth.Percent), "charging": p.gauge.Charging(),
		"memory_bytes": p.profile.MemoryBytes, "limit_bytes": p.profile.JetsamBytes,
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && string(text) == p.state {
		return
	}
	if err == nil {
		err = renameio.WriteFile(p.stateFile(), text, 0o644, renameio.WithTempDir(p.options.Dir)) // readers never see half of it
	}
	if err != nil {
		p.log.Warn("state file not written", "err", err)
		return
	}
	p.state = string(text)
}
