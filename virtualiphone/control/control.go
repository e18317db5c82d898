// Package control is an HTTP interface to a virtual lab, for scripts and for people: plug and unplug, lock, heat, break
// and ask what was really consumed. In come requests on loopback, out goes JSON. It does nothing that the lab's own
// methods do not do.
//
//	GET    /phones                          every phone with its state
//	GET    /phones/{udid}                   one of them
//	GET    /phones/{udid}/battery           the power model's truth
//	GET    /phones/{udid}/faults            the faults in force
//	POST   /phones/{udid}/attach            also: detach, lock, unlock, reboot, forget
//	POST   /phones/{udid}/thermal?state=S   nominal, fair, serious, critical; empty: what the model says
//	POST   /phones/{udid}/trust?policy=P    auto, pending, denied
//	POST   /phones/{udid}/image?mounted=B   true or false
//	POST   /phones/{udid}/kill?bundle=ID
//	POST   /phones/{udid}/charge?percent=N
//	POST   /phones/{udid}/disk?free=BYTES
//	POST   /phones/{udid}/link              body: faults.Link as JSON
//	POST   /phones/{udid}/faults            body: faults.Fault as JSON
//	DELETE /phones/{udid}/faults?service=S  without service: all
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// State is a phone as the interface shows it.
type State struct {
	UDID        string               `json:"udid"`
	Name        string               `json:"name"`
	Profile     string               `json:"profile"`
	ProductType string               `json:"product_type"`
	OSVersion   string               `json:"os_version"`
	OSBuild     string               `json:"os_build"`
	Attached    bool                 `json:"attached"`
	DeviceID    int                  `json:"device_id,omitempty"`
	Locked      bool                 `json:"locked"`
	Trust       virtualiphone.Trust  `json:"trust"`
	Image       bool                 `json:"image_mounted"`
	Thermal     battery.ThermalState `json:"thermal"`
	Apps        []string             `json:"apps"`
	Processes   []Process            `json:"processes"`
	FreeDisk    int64                `json:"free_disk_bytes"`
	Dir         string               `json:"dir"`
}

// Process is a running app.
type Process struct {
	PID      int    `json:"pid"`
	BundleID string `json:"bundle_id"`
}

// Handler serves the interface for a lab.
func Handler(lab *virtualiphone.Lab) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phones", func(w http.ResponseWriter, _ *http.Request) {
		list := []State{}
		for _, p := range lab.Phones() {
			list = append(list, describe(p))
		}
		respond(w, list, nil)
	})
	on := func(pattern string, do func(*virtualiphone.Phone, *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			phone, ok := lab.Phone(r.PathValue("udid"))
			if !ok {
				http.Error(w, "no such phone", http.StatusNotFound)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			value, err := do(phone, r)
			if value == nil {
				value = describe(phone)
			}
			respond(w, value, err)
		})
	}
	on("GET /phones/{udid}", func(*virtualiphone.Phone, *http.Request) (any, error) { return nil, nil })
	on("GET /phones/{udid}/battery", func(p *virtualiphone.Phone, _ *http.Request) (any, error) { return p.Truth(), nil })
	on("GET /phones/{udid}/faults", func(p *virtualiphone.Phone, _ *http.Request) (any, error) { return p.Faults().List(), nil })
	on("DELETE /phones/{udid}/faults", func(p *virtualiphone.Phone, r *http.Request) (any, error) {
		service := r.FormValue("service")
		if service == "" {
			service = faults.Any
		}
		p.Faults().Clear(service)
		return p.Faults().List(), nil
	})
	on("POST /phones/{udid}/{verb}", act)
	return local(mux)
}

// local refuses requests that a web page could make this host's browser send.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "not for browsers", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// act performs one verb.
func act(p *virtualiphone.Phone, r *http.Request) (any, error) {
	switch verb := r.PathValue("verb"); verb {
	case "attach":
		return nil, p.Attach()
	case "detach":
		p.Detach()
	case "lock", "unlock":
		p.SetLocked(verb == "lock")
	case "reboot":
		return nil, p.Reboot()
	case "forget":
		return nil, p.Forget()
	case "trust":
		return nil, p.SetTrust(virtualiphone.Trust(r.FormValue("policy")))
	case "kill":
		return nil, p.Kill(r.Context(), r.FormValue("bundle"))
	case "thermal":
		state := battery.ThermalState(r.FormValue("state"))
		if state != "" && state.Rank() < 0 {
			return nil, fmt.Errorf("thermal state %q: not nominal, fair, serious or critical", state)
		}
		p.SetThermal(state)
	case "image":
		mounted, err := strconv.ParseBool(r.FormValue("mounted"))
		if err != nil {
			return nil, fmt.Errorf("mounted=%q: not true or false", r.FormValue("mounted"))
		}
		p.MountImage(mounted)
	default:
		return measured(p, r, verb)
	}
	return nil, nil
}

// measured performs the verbs that take a number or a body.
func measured(p *virtualiphone.Phone, r *http.Request, verb string) (any, error) {
	switch verb {
	case "charge":
		percent, err := strconv.ParseFloat(r.FormValue("percent"), 64)
		if err != nil {
			return nil, fmt.Errorf("percent=%q: not a number", r.FormValue("percent"))
		}
		return nil, p.Gauge().SetPercent(percent)
	case "disk":
		free, err := strconv.ParseInt(r.FormValue("free"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("free=%q: not a number of bytes", r.FormValue("free"))
		}
		p.SetFreeDisk(free)
		return nil, nil
	case "link":
		var link faults.Link
		if err := decode(r.Body, &link); err != nil {
			return nil, err
		}
		p.SetLink(link)
		return nil, nil
	case "faults":
		var fault faults.Fault
		if err := decode(r.Body, &fault); err != nil {
			return nil, err
		}
		err := p.SetFault(fault)
		return p.Faults().List(), err
	default:
		return nil, fmt.Errorf("unknown verb %q", verb)
	}
}

func decode(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if decoder.More() {
		return errors.New("body: more than one object")
	}
	return nil
}

func respond(w http.ResponseWriter, value any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // the client may have left; there is nobody else to tell
}

func describe(p *virtualiphone.Phone) State {
	id, attached := p.DeviceID()
	profile := p.Profile()
	s := State{
		UDID: p.UDID(), Name: p.Name(), Profile: profile.Name, ProductType: profile.ProductType,
		OSVersion: profile.OSVersion, OSBuild: profile.OSBuild, Attached: attached, DeviceID: id, Locked: p.Locked(),
		Trust: p.Trust(), Image: p.ImageMounted(), Thermal: p.Thermal(), FreeDisk: p.FreeDisk(), Dir: p.Dir(),
		Apps: []string{}, Processes: []Process{},
	}
	for _, a := range p.Apps() {
		s.Apps = append(s.Apps, a.BundleID)
	}
	for _, info := range p.Processes().List() {
		if info.BundleID != "" {
			s.Processes = append(s.Processes, Process{info.PID, info.BundleID})
		}
	}
	return s
}

// Serve answers on address, which must be on loopback because there is no password, until ctx ends. It returns once
// it listens, with the address chosen; done is called when it has ended.
func Serve(ctx context.Context, lab *virtualiphone.Lab, address string, done func(error)) (net.Addr, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &virtualiphone.Error{
			Kind: virtualiphone.KindUsage, Op: "control virtual iPhones", Err: err, Hint: "choose a free address, such as 127.0.0.1:0",
		}
	}
	if ip := listener.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		listener.Close()
		return nil, &virtualiphone.Error{
			Kind: virtualiphone.KindUsage, Op: "control virtual iPhones", Err: fmt.Errorf("address %s is not on loopback", ip),
			Hint: "choose an address such as 127.0.0.1:0: the interface has no password",
		}
	}
	server := &http.Server{Handler: Handler(lab), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		defer stop()
		err := server.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		done(err)
	}()
	return listener.Addr(), nil
}
