package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

func newLab(t *testing.T) (*virtualiphone.Lab, *virtualiphone.Phone) {
	t.Helper()
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Close() })
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return lab, phone
}

func TestVerbs(t *testing.T) {
	lab, phone := newLab(t)
	handler := Handler(lab)
	do := func(method, path, body string) (int, string) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, strings.ReplaceAll(path, "UDID", phone.UDID()), strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	steps := []struct {
		method, path, body string
		want               int
		check              func() bool
	}{
		{"POST", "/phones/UDID/detach", "", 200, func() bool { _, on := phone.DeviceID(); return !on }},
		{"POST", "/phones/UDID/attach", "", 200, func() bool { id, _ := phone.DeviceID(); return id == 2 }},
		{"POST", "/phones/UDID/lock", "", 200, phone.Locked},
		{"POST", "/phones/UDID/unlock", "", 200, func() bool { return !phone.Locked() }},
		{"POST", "/phones/UDID/thermal?state=serious", "", 200, func() bool { return phone.Thermal() == "serious" }},
		{"POST", "/phones/UDID/thermal?state=hot", "", 400, func() bool { return phone.Thermal() == "serious" }},
		{"POST", "/phones/UDID/thermal?state=", "", 200, func() bool { return phone.Thermal() == "nominal" }},
		{"POST", "/phones/UDID/image?mounted=false", "", 200, func() bool { return !phone.ImageMounted() }},
		{"POST", "/phones/UDID/image?mounted=maybe", "", 400, nil},
		{"POST", "/phones/UDID/trust?policy=pending", "", 200, func() bool { return phone.Trust() == "pending" }},
		{"POST", "/phones/UDID/trust?policy=blind", "", 400, nil},
		{"POST", "/phones/UDID/charge?percent=12", "", 200, func() bool { p := phone.Truth().Percent; return p > 11 && p < 13 }},
		{"POST", "/phones/UDID/charge?percent=120", "", 400, nil},
		{"POST", "/phones/UDID/disk?free=1000", "", 200, func() bool { return phone.FreeDisk() <= 1000 }},
		{"POST", "/phones/UDID/link", `{"rtt_ns":1000000}`, 200, func() bool { return phone.Link().RTT.Milliseconds() == 1 }},
		{"POST", "/phones/UDID/link", `{"speed":1}`, 400, nil},
		{"POST", "/phones/UDID/faults", `{"service":"com.apple.afc","kind":"drop","after_bytes":5}`, 200, func() bool { return len(phone.Faults().List()) == 1 }},
		{"POST", "/phones/UDID/faults", `{"service":"com.apple.afc","kind":"explode"}`, 400, nil},
		{"DELETE", "/phones/UDID/faults", "", 200, func() bool { return len(phone.Faults().List()) == 0 }},
		{"POST", "/phones/UDID/kill?bundle=org.nothing", "", 200, nil},
		{"POST", "/phones/UDID/dance", "", 400, nil},
		{"POST", "/phones/nobody/lock", "", 404, nil},
	}
	for _, s := range steps {
		code, body := do(s.method, s.path, s.body)
		if code != s.want {
			t.Errorf("%s %s = %d, want %d: %s", s.method, s.path, code, s.want, body)
		}
		if s.check != nil && !s.check() {
			t.Errorf("%s %s had no effect: %s", s.method, s.path, body)
		}
	}
	var states []State
	if code, body := do("GET", "/phones", ""); code != 200 || json.Unmarshal([]byte(body), &states) != nil || len(states) != 1 || states[0].UDID != phone.UDID() || !states[0].Attached {
		t.Errorf("GET /phones = %d, %s", code, body)
	}
	var truth battery.Truth
	if code, body := do("GET", "/phones/UDID/battery", ""); code != 200 || json.Unmarshal([]byte(body), &truth) != nil || truth.Joule <= 0 {
		t.Errorf("GET battery = %d, %s", code, body)
	}
	var list []faults.Fault
	if code, body := do("GET", "/phones/UDID/faults", ""); code != 200 || json.Unmarshal([]byte(body), &list) != nil {
		t.Errorf("GET faults = %d, %s", code, body)
	}
}

func TestBrowsersAreRefused(t *testing.T) {
	lab, phone := newLab(t)
	r := httptest.NewRequest("POST", "/phones/"+phone.UDID()+"/detach", nil)
	r.Header.Set("Origin", "https://example.org")
	w := httptest.NewRecorder()
	Handler(lab).ServeHTTP(w, r)
	if _, attached := phone.DeviceID(); w.Code != http.StatusForbidden || !attached {
		t.Errorf("a web page's request = %d, phone attached: %v", w.Code, attached)
	}
}

func TestServe(t *testing.T) {
	lab, _ := newLab(t)
	if _, err := Serve(t.Context(), lab, "0.0.0.0:0", func(error) {}); err == nil {
		t.Error("the interface listens beyond loopback")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	addr, err := Serve(ctx, lab, "127.0.0.1:0", func(err error) { ended <- err })
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + addr.String() + "/phones")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != 200 {
		t.Errorf("GET /phones = %d, %s, %v", answer.StatusCode, text, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serving ended with %v", err)
	}
}
