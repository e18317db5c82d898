package faults

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScript(t *testing.T) {
	s := &Script{}
	for _, f := range []Fault{
		{Service: "afc", Kind: Drop, Times: 2},
		{Service: Any, Kind: Delay, Delay: time.Second},
		{Service: Lockdown, Kind: Delay, Delay: time.Minute, Times: 1},
	} {
		require.NoError(t, s.Add(f))
	}
	take := func(service string, kind Kind) bool {
		_, hit := s.Take(service, kind)
		return hit
	}
	for i, want := range []bool{true, true, false} {
		assert.Equal(t, want, take("afc", Drop), "drop %d of two", i+1)
	}
	assert.True(t, take("syslog", Delay), "a fault of any service does not last")
	assert.True(t, take("syslog", Delay), "a fault of any service does not last")
	f, hit := s.Take(Lockdown, Delay)
	assert.True(t, hit, "lockdown's own delay: %v, %v", f, hit)
	assert.Equal(t, time.Minute, f.Delay, "lockdown's own delay: %v, %v", f, hit)
	assert.False(t, take(Lockdown, Delay), "a fault of any service hits lockdown itself")
	assert.Len(t, s.List(), 1, "in force")
	s.Clear(Any)
	assert.Empty(t, s.List(), "in force after all were cleared")
	var none *Script
	_, hit = none.Take("afc", Drop)
	assert.False(t, hit, "no script has a fault")
}

func TestNonsenseIsNoFault(t *testing.T) {
	for name, f := range map[string]Fault{
		"no service":       {Kind: Drop},
		"unknown kind":     {Service: "afc", Kind: "explode"},
		"no delay":         {Service: "afc", Kind: Delay},
		"no error":         {Service: "afc", Kind: Refuse},
		"no error or code": {Service: "afc", Kind: Reply},
		"negative count":   {Service: "afc", Kind: Drop, Times: -1},
	} {
		require.Error(t, (&Script{}).Add(f), "%s: accepted", name)
	}
}
