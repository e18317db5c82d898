package instruments

import (
	"context"
	"fmt"
	"sync"

	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/internal/dtx"
	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
)

// thermalCondition is the one kind of condition that the virtual phone induces.
const thermalCondition = "ThermalCondition"

// profile is a level of a condition, as phones name them.
type profile struct {
	identifier, name, description string
	state                         battery.ThermalState
}

func thermalProfiles() []profile {
	return []profile{
		{"ThermalFair", "Fair", "Thermal state fair: the phone reports it, it does not get warmer", battery.ThermalFair},
		{"ThermalSerious", "Serious", "Thermal state serious: the phone reports it, it does not get warmer", battery.ThermalSerious},
		{"ThermalCritical", "Critical", "Thermal state critical: the phone reports it, it does not get warmer", battery.ThermalCritical},
	}
}

// inducer is the phone's one induced condition, shared by all connections.
type inducer struct {
	device Device

	mu     sync.Mutex
	owner  *conditions // whoever enabled it; nil: nothing is induced
	active string      // its profile
}

// conditions is a connection's channel to the inducer. What it enabled ends with it.
type conditions struct{ inducer *inducer }

func (s *session) conditionInducer(context.Context, *dtx.Channel) dtx.Service {
	return &conditions{s.server.inducer}
}

func (c *conditions) Invoke(_ context.Context, call dtx.Call) (any, error) {
	switch call.Selector {
	case "availableConditionInducers":
		return c.list(), nil
	case "enableConditionWithIdentifier:profileIdentifier:":
		return true, c.enable(call)
	case "disableConditionWithIdentifier:":
		return true, c.disable(call)
	case "disableActiveCondition":
		return true, c.end()
	}
	return nil, dtx.Unknown(call)
}

func (c *conditions) list() []any {
	c.inducer.mu.Lock()
	active := c.inducer.active
	c.inducer.mu.Unlock()
	profiles := []any{}
	for _, p := range thermalProfiles() {
		profiles = append(profiles, map[string]any{"identifier": p.identifier, "name": p.name, "description": p.description})
	}
	return []any{map[string]any{
		"identifier": thermalCondition, "name": "Thermal Condition", "profiles": profiles, "profilesSorted": true,
		"activeProfile": active, "isActive": active != "", "isDestructive": false, "isInternal": false,
	}}
}

func (c *conditions) enable(call dtx.Call) error {
	kind, err := call.String(0)
	if err != nil {
		return err
	}
	wanted, err := call.String(1)
	if err != nil {
		return err
	}
	for _, p := range thermalProfiles() {
		if kind == thermalCondition && wanted == p.identifier {
			return c.induce(p)
		}
	}
	return conditionError(fmt.Sprintf("there is no condition %s with profile %s", kind, wanted))
}

func (c *conditions) induce(p profile) error {
	c.inducer.mu.Lock()
	defer c.inducer.mu.Unlock()
	if c.inducer.owner != nil && c.inducer.owner != c {
		return conditionError("another connection has a condition enabled")
	}
	c.inducer.owner, c.inducer.active = c, p.identifier
	c.inducer.device.SetThermal(p.state)
	return nil
}

func (c *conditions) disable(call dtx.Call) error {
	kind, err := call.String(0)
	if err != nil {
		return err
	}
	if kind != thermalCondition {
		return conditionError("there is no condition " + kind)
	}
	return c.end()
}

// Close ends what this connection induced, if anything.
func (c *conditions) Close() { _ = c.end() }

func (c *conditions) end() error {
	c.inducer.mu.Lock()
	defer c.inducer.mu.Unlock()
	if c.inducer.owner != c {
		return conditionError("this connection has no condition enabled")
	}
	c.inducer.owner, c.inducer.active = nil, ""
	c.inducer.device.SetThermal("")
	return nil
}

func conditionError(text string) error {
	return nskeyed.NewError("com.apple.dt.conditioninducer", 1, text)
}
