package virtualiphone

import (
	"github.com/lilims/bench/virtualiphone/internal/lockdown"
	"github.com/lilims/bench/virtualiphone/internal/rsd"
	"github.com/lilims/bench/virtualiphone/internal/service"
)

// served is the phone as its own services see it: what they ask that is nobody else's business.
type served struct{ *Phone }

var (
	_ rsd.Device     = served{}
	_ lockdown.Phone = served{}
)

// Catalog is what the phone's lockdown offers.
func (s served) Catalog() service.Catalog { return s.catalog }

// Services is the catalog, as lockdown asks for it.
func (s served) Services() service.Catalog { return s.catalog }

// Trust is what the phone does when a host asks to pair, in lockdown's words.
func (s served) Trust() lockdown.Trust { return lockdown.Trust(s.Phone.Trust()) }
