package instruments

import (
	"context"
	"path"

	"github.com/lilims/bench/virtualiphone/internal/dtx"
	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
	"github.com/lilims/bench/virtualiphone/process"
)

// deviceInfo answers questions about the phone and its processes.
type deviceInfo struct{ server *Server }

func (s *session) deviceInfo(context.Context, *dtx.Channel) dtx.Service {
	return deviceInfo{s.server}
}

func (d deviceInfo) Close() {}

func (d deviceInfo) Invoke(_ context.Context, call dtx.Call) (any, error) {
	switch call.Selector {
	case "runningProcesses":
		return d.processes(), nil
	case "sysmonProcessAttributes":
		if d.server.faults.NoFootprints {
			return []any{"pid", "name"}, nil
		}
		return processAttributes(), nil
	case "sysmonSystemAttributes":
		return systemAttributes(), nil
	case "hardwareInformation":
		// CPU type 0x0100000C subtype 2 is arm64e (mach/machine.h). The speed is 0 on phones.
		return map[string]any{
			"numberOfCpus": cores, "numberOfPhysicalCpus": cores, "hwCPU64BitCapable": 1, "hwCPUtype": 0x0100000C, "hwCPUsubtype": 2,
			"speedOfCpus": 0,
		}, nil
	case "networkInformation":
		return map[string]any{"lo0": "Loopback", "en0": "Wi-Fi", "pdp_ip0": "Cellular (pdp_ip0)"}, nil
	case "machTimeInfo":
		now := d.server.mach(d.server.clock.Now())
		return []any{now, 125, 3, now, now}, nil
	case "execnameForPid:":
		info, err := d.process(call)
		return info.Path, err
	case "isRunningPid:":
		_, err := d.process(call)
		return err == nil, nil
	}
	return nil, dtx.Unknown(call)
}

func (d deviceInfo) process(call dtx.Call) (process.Info, error) {
	pid, err := call.PID(0)
	if err != nil {
		return process.Info{}, err
	}
	for _, info := range d.server.device.Processes().List() {
		if info.PID == pid {
			return info, nil
		}
	}
	return process.Info{}, nskeyed.NewError(dtx.ErrorDomain, 2, "No such process")
}

func (d deviceInfo) processes() []any {
	out := []any{}
	for _, info := range d.server.device.Processes().List() {
		out = append(out, map[string]any{
			"pid": info.PID, "name": info.Name, "isApplication": info.BundleID != "",
			"realAppName": info.Path, "startDate": info.Started, "bundleIdentifier": info.BundleID,
			"foregroundRunning": info.BundleID != "", "executable": path.Base(info.Path),
		})
	}
	return out
}
