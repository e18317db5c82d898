package faults

import (
	"testing"
	"time"
)

func TestScript(t *testing.T) {
	s := &Script{}
	for _, f := range []Fault{
		{Service: "afc", Kind: Drop, Times: 2},
		{Service: Any, Kind: Delay, Delay: time.Second},
		{Service: Lockdown, Kind: Delay, Delay: time.Minute, Times: 1},
	} {
		if err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	take := func(service string, kind Kind) bool {
		_, hit := s.Take(service, kind)
		return hit
	}
	for i, want := range []bool{true, true, false} {
		if got := take("afc", Drop); got != want {
			t.Errorf("drop %d of two: %v, want %v", i+1, got, want)
		}
	}
	if !take("syslog", Delay) || !take("syslog", Delay) {
		t.Error("a fault of any service does not last")
	}
	if f, hit := s.Take(Lockdown, Delay); !hit || f.Delay != time.Minute {
		t.Errorf("lockdown's own delay: %v, %v", f, hit)
	}
	if take(Lockdown, Delay) {
		t.Error("a fault of any service hits lockdown itself")
	}
	if len(s.List()) != 1 {
		t.Errorf("in force: %v", s.List())
	}
	s.Clear(Any)
	if len(s.List()) != 0 {
		t.Errorf("in force after all were cleared: %v", s.List())
	}
	var none *Script
	if _, hit := none.Take("afc", Drop); hit {
		t.Error("no script has a fault")
	}
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
		if err := (&Script{}).Add(f); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
