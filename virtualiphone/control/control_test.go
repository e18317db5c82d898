package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

func newLab(t *testing.T) (*virtualiphone.Lab, *virtualiphone.Phone) {
	t.Helper()
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { lab.Close() })
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	require.NoError(t, err)
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
	require.NoError(t, err)
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
		{"POST", "/phones/UDID/faults", `{"service":"com.apple.afc","kind":"drop","after_bytes":5}`, 200,
			func() bool { return len(phone.Faults().List()) == 1 }},
		{"POST", "/phones/UDID/faults", `{"service":"com.apple.afc","kind":"explode"}`, 400, nil},
		{"DELETE", "/phones/UDID/faults", "", 200, func() bool { return len(phone.Faults().List()) == 0 }},
		{"POST", "/phones/UDID/kill?bundle=org.nothing", "", 200, nil},
		{"POST", "/phones/UDID/dance", "", 400, nil},
		{"POST", "/phones/nobody/lock", "", 404, nil},
	}
	for _, s := range steps {
		code, body := do(s.method, s.path, s.body)
		assert.Equal(t, s.want, code, "%s %s = %d, want %d: %s", s.method, s.path, code, s.want, body)
		assert.False(t, s.check != nil && !s.check(), "%s %s had no effect: %s", s.method, s.path, body)
	}
	var states []State
	code, body := do("GET", "/phones", "")
	assert.False(t, code != 200 || json.Unmarshal(
		[]byte(body), &states,
	) != nil || len(states) != 1 || states[0].UDID != phone.UDID() || !states[0].Attached,
		"GET /phones = %d, %s", code, body)
	var truth battery.Truth
	code, body = do("GET", "/phones/UDID/battery", "")
	assert.Equal(t, 200, code, "GET battery = %d, %s", code, body)
	require.NoError(t, json.Unmarshal([]byte(body), &truth), "GET battery")
	assert.Positive(t, truth.Joule, "GET battery = %d, %s", code, body)
	var list []faults.Fault
	code, body = do("GET", "/phones/UDID/faults", "")
	assert.Equal(t, 200, code, "GET faults = %d, %s", code, body)
	require.NoError(t, json.Unmarshal([]byte(body), &list), "GET faults")
}

func TestBrowsersAreRefused(t *testing.T) {
	lab, phone := newLab(t)
	r := httptest.NewRequest("POST", "/phones/"+phone.UDID()+"/detach", nil)
	r.Header.Set("Origin", "https://example.org")
	w := httptest.NewRecorder()
	Handler(lab).ServeHTTP(w, r)
	_, attached := phone.DeviceID()
	assert.Equal(t, http.StatusForbidden, w.Code, "a web page's request = %d, phone attached: %v", w.Code, attached)
	assert.True(t, attached, "a web page's request = %d, phone attached: %v", w.Code, attached)
}

func TestServe(t *testing.T) {
	lab, _ := newLab(t)
	_, err := Serve(t.Context(), lab, "0.0.0.0:0", func(error) {})
	require.Error(t, err, "the interface listens beyond loopback")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	addr, err := Serve(ctx, lab, "127.0.0.1:0", func(err error) { ended <- err })
	require.NoError(t, err)
	answer, err := http.Get("http://" + addr.String() + "/phones")
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	require.NoError(t, err, "GET /phones = %d, %s", answer.StatusCode, text)
	assert.Equal(t, 200, answer.StatusCode, "GET /phones = %d, %s", answer.StatusCode, text)
	cancel()
	require.NoError(t, <-ended, "serving ended")
}
