package iphone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/battery"
	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// beginSampling starts the samplers that the task asks for. None of them can fail the launch: what they cannot read is
// absent.
func (f *follow) beginSampling(ctx context.Context) {
	if f.task.TelemetryInterval <= 0 {
		return
	}
	f.sampleFootprint(ctx)
	ctx, f.stopSampling = context.WithCancel(ctx)
	f.sampling.Go(func() { f.sampleBattery(ctx) })
}

// sampleFootprint asks the phone to tell the process's footprint at the task's interval.
func (f *follow) sampleFootprint(ctx context.Context) {
	if f.task.TelemetryInterval <= 0 || f.handle.control == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if err := f.handle.control.hub.Sample(ctx, f.pid, f.task.TelemetryInterval); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		f.sink.Note("telemetry", fmt.Sprintf("the process's memory cannot be sampled: %v", err))
	}
}

// gaugeAnswer is one look at the gauge.
type gaugeAnswer struct {
	reading harness.BatteryReading
	err     error
}

// takeGauge hands a reading on. That the gauge cannot be read is told once until it can be again.
func (f *follow) takeGauge(a gaugeAnswer) {
	if a.err == nil {
		if f.gaugeFails {
			f.sink.Note("telemetry", "the battery's gauge can be read again")
		}
		f.gaugeFails = false
		f.sink.Battery(a.reading)
		return
	}
	if !f.gaugeFails {
		f.sink.Note("telemetry", fmt.Sprintf("the battery's gauge cannot be read: %v", a.err))
	}
	f.gaugeFails = true
}

// sampleBattery reads the gauge at the task's interval over one connection, and over a new one after a break. Readings
// go to the loop that owns the sink.
func (f *follow) sampleBattery(ctx context.Context) {
	var conn net.Conn
	drop := func() {
		if conn != nil {
			conn.Close()
			conn = nil
		}
	}
	defer drop()
	for ctx.Err() == nil {
		reading, err := f.readBattery(ctx, &conn)
		if err != nil {
			drop()
		}
		select {
		case f.gauge <- gaugeAnswer{reading, err}:
		case <-ctx.Done():
			return
		}
		if f.handle.options.Clock.Sleep(ctx, f.task.TelemetryInterval) != nil {
			return
		}
	}
}

func (f *follow) readBattery(ctx context.Context, conn *net.Conn) (reading harness.BatteryReading, err error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if *conn == nil {
		if *conn, err = f.handle.phone.Service(ctx, battery.Service); err != nil {
			return reading, err
		}
	}
	err = guard.Do(ctx, *conn, func() (err error) {
		reading, err = battery.Read(*conn, f.handle.options.Clock.Now())
		return err
	})
	return reading, err
}

// lastReading takes one more reading at the end: the gauge publishes every twenty seconds or so, and the last values
// of a short launch come after it.
func (f *follow) lastReading(ctx context.Context) {
	if f.task.TelemetryInterval <= 0 || f.handle.phone == nil {
		return
	}
	f.stopSampling()
	f.sampling.Wait()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if reading, err := f.handle.Battery(ctx); err == nil {
		f.sink.Battery(reading)
	}
}
