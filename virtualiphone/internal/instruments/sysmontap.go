package instruments

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/dtx"
	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
	"github.com/lilims/bench/virtualiphone/process"
)

const (
	defaultInterval = 500 * time.Millisecond
	minInterval     = 10 * time.Millisecond
	maxAttributes   = 256
)

// processAttributes are the per-process values that the virtual phone can tell, a part of what phones list. cpuUsage
// is a fraction of one core since the sample before, and null in the first; sizes are bytes.
func processAttributes() []any {
	return []any{"pid", "ppid", "uid", "name", "cpuUsage", "physFootprint", "memResidentSize"}
}

func systemAttributes() []any { return []any{"physMemSize"} }

// sysmontap samples the process table at an interval and sends each sample as an object.
type sysmontap struct {
	server  *Server
	channel *dtx.Channel
	ctx     context.Context // of the connection: sampling ends with it

	mu     sync.Mutex
	config tapConfig
	stop   context.CancelFunc // nil while not sampling
	done   chan struct{}
}

type tapConfig struct {
	interval          time.Duration
	process, system   []any // attributes in the order of the rows
	withoutSystemLoad bool
}

func (s *session) sysmontap(ctx context.Context, channel *dtx.Channel) dtx.Service {
	return &sysmontap{server: s.server, channel: channel, ctx: ctx, config: tapConfig{interval: defaultInterval}}
}

func (s *sysmontap) Invoke(_ context.Context, call dtx.Call) (any, error) {
	switch call.Selector {
	case "setConfig:":
		return nil, s.configure(call)
	case "start":
		s.start()
		return nil, nil
	case "stop":
		s.Close()
		return nil, nil
	}
	return nil, dtx.Unknown(call)
}

func (s *sysmontap) configure(call dtx.Call) error {
	m, err := call.Map(0)
	if err != nil {
		return err
	}
	c := tapConfig{interval: defaultInterval}
	if n, ok := nskeyed.Int(m["sampleInterval"]); ok && n > 0 { // nanoseconds
		c.interval = max(minInterval, time.Duration(n))
	}
	c.process, _ = m["procAttrs"].([]any)
	c.system, _ = m["sysAttrs"].([]any)
	if on, ok := nskeyed.Int(m["cpuUsage"]); ok {
		c.withoutSystemLoad = on == 0
	}
	if len(c.process) > maxAttributes || len(c.system) > maxAttributes {
		return fmt.Errorf("setConfig: %d and %d attributes", len(c.process), len(c.system))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	return nil
}

func (s *sysmontap) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.stop, s.done = cancel, make(chan struct{})
	go s.run(ctx, s.config, s.done)
}

// Close ends the sampling and waits for it.
func (s *sysmontap) Close() {
	s.mu.Lock()
	stop, done := s.stop, s.done
	s.stop = nil
	s.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
}

func (s *sysmontap) run(ctx context.Context, c tapConfig, done chan<- struct{}) {
	defer close(done)
	r := sampler{server: s.server, config: c}
	for ctx.Err() == nil {
		// The next interval is counted from before the sample, so that sampling does not stretch it.
		next := s.server.clock.After(c.interval)
		if s.channel.Object(r.sample()) != nil {
			return // the client has gone
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// sampler remembers the sample before, from which CPU usage is counted.
type sampler struct {
	server *Server
	config tapConfig
	at     time.Time
	cpu    map[int]float64 // CPU seconds by process
}

// sample reads the table: a system row and one with all processes, keyed by process id.
func (r *sampler) sample() any {
	now := r.server.clock.Now()
	start := now
	if r.cpu != nil {
		start = r.at
	}
	table, elapsed := r.server.device.Processes(), now.Sub(r.at).Seconds()
	rows, cpu, load := map[int64]any{}, map[int]float64{}, 0.0
	for _, info := range table.List() {
		usage, err := table.Usage(info.PID)
		if err != nil {
			continue // it ended since it was listed
		}
		cpu[info.PID] = usage.CPUSeconds
		var fraction any
		if before, ok := r.cpu[info.PID]; ok && elapsed > 0 {
			f := max(0, (usage.CPUSeconds-before)/elapsed)
			fraction, load = f, load+f
		}
		rows[int64(info.PID)] = row(r.config.process, info, usage, fraction)
	}
	first := r.cpu == nil
	r.at, r.cpu = now, cpu
	span := func(kind int) map[string]any {
		return map[string]any{"StartMachAbsTime": r.server.mach(start), "EndMachAbsTime": r.server.mach(now), "Type": kind}
	}
	system, processes := span(5), span(7)
	processes["Processes"] = rows
	system["CPUCount"], system["EnabledCPUs"] = cores, cores
	system["System"] = r.system()
	if !first && !r.config.withoutSystemLoad {
		system["SystemCPUUsage"] = map[string]any{"CPU_TotalLoad": 100 * load}
	}
	return []any{system, processes}
}

func (r *sampler) system() []any {
	values := make([]any, len(r.config.system))
	for i, name := range r.config.system {
		if name == "physMemSize" {
			values[i] = r.server.device.MemoryBytes()
		}
	}
	return values
}

// row is one process in the order of the attributes; an attribute that the phone does not know stays null.
func row(attributes []any, info process.Info, usage process.Usage, cpu any) []any {
	values := make([]any, len(attributes))
	for i, name := range attributes {
		switch name {
		case "pid":
			values[i] = info.PID
		case "ppid":
			values[i] = 1 // launchd
		case "uid":
			values[i] = 501 // mobile
		case "name":
			values[i] = info.Name
		case "cpuUsage":
			values[i] = cpu
		case "physFootprint":
			values[i] = usage.FootprintBytes
		case "memResidentSize":
			values[i] = usage.ResidentBytes
		}
	}
	return values
}
