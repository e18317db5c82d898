package appservice

import (
	"context"
	"fmt"

	"github.com/lilims/bench/virtualiphone/internal/xpc"
	"github.com/lilims/bench/virtualiphone/process"
)

func (s *Server) appFeatures() map[string]feature {
	return map[string]feature{
		"launchapplication":         immediately(s.launch),
		"listprocesses":             immediately(s.listProcesses),
		"listapps":                  immediately(s.listApps),
		"sendsignaltoprocess":       immediately(s.signal),
		"monitorprocesstermination": s.monitor,
		"uninstallapp":              immediately(refuse("Apps of this phone are uninstalled through the installation proxy.")),
		"rebootdevice":              immediately(refuse("This phone does not reboot.")),
	}
}

func (s *Server) infoFeatures() map[string]feature {
	return map[string]feature{
		// What a screen measures is not modelled; that there is one is.
		"getdisplayinfo": immediately(func(context.Context, dictionary) (any, error) {
			return map[string]any{"displays": []any{map[string]any{"name": "LCD", "primary": true, "external": false}}}, nil
		}),
	}
}

func refuse(reason string) func(context.Context, dictionary) (any, error) {
	return func(context.Context, dictionary) (any, error) { return nil, &Error{codeNoSuchAction, reason} }
}

func (s *Server) launch(ctx context.Context, input dictionary) (any, error) {
	spec, err := specOf(input)
	if err != nil {
		return nil, err
	}
	out, err := s.claim(input.dictionary("standardIOIdentifiers"))
	if err != nil {
		return nil, err
	}
	if out != nil {
		spec.Output = out
	}
	info, err := s.device.Processes().Launch(context.WithoutCancel(ctx), spec)
	if err != nil {
		if out != nil {
			out.close()
		}
		return nil, &Error{codeLaunch, fmt.Sprintf("The application failed to launch. %v", err)}
	}
	if out != nil {
		if err := s.device.Processes().Watch(info.PID, func(process.Exit) { out.close() }); err != nil {
			out.close() // it has ended and been forgotten
		}
	}
	return map[string]any{"processToken": token(info), "launchedApplication": map[string]any{"bundleIdentifier": info.BundleID}}, nil
}

func specOf(input dictionary) (process.Spec, error) {
	bundle := input.dictionary("applicationSpecifier").dictionary("bundleIdentifier").text("_0")
	if bundle == "" {
		return process.Spec{}, &Error{codeBadInput, "The request names no application."}
	}
	options := input.dictionary("options")
	spec := process.Spec{
		BundleID: bundle, Env: map[string]string{}, Suspended: options.flag("startStopped"), KillExisting: options.flag("terminateExisting"),
	}
	args, _ := options["arguments"].([]any)
	for _, a := range args {
		text, ok := a.(string)
		if !ok {
			return process.Spec{}, &Error{codeBadInput, fmt.Sprintf("An argument is of type %T.", a)}
		}
		spec.Args = append(spec.Args, text)
	}
	for key, v := range options.dictionary("environmentVariables") {
		text, ok := v.(string)
		if !ok {
			return process.Spec{}, &Error{codeBadInput, fmt.Sprintf("The environment variable %s is of type %T.", key, v)}
		}
		spec.Env[key] = text
	}
	return spec, nil
}

// claim takes the socket that the launch names for output, nil where it names none. One socket serves standard output
// and error alike; clients name the same for both.
func (s *Server) claim(identifiers dictionary) (*output, error) {
	for _, key := range []string{"standardOutput", "standardError"} {
		v, ok := identifiers[key]
		if !ok || v == nil {
			continue
		}
		id, ok := v.(xpc.UUID)
		if !ok {
			return nil, &Error{codeBadInput, fmt.Sprintf("%s is of type %T, not a UUID.", key, v)}
		}
		out, ok := s.outputs.take(id)
		if !ok {
			return nil, &Error{codeBadInput, fmt.Sprintf("No open socket has the identifier %v.", id)}
		}
		return out, nil
	}
	return nil, nil
}

func token(info process.Info) map[string]any {
	return map[string]any{"processIdentifier": int64(info.PID), "executableURL": map[string]any{"relative": "file://" + info.Path}}
}

func (s *Server) listProcesses(context.Context, dictionary) (any, error) {
	tokens := []any{}
	for _, info := range s.device.Processes().List() {
		tokens = append(tokens, token(info))
	}
	return map[string]any{"processTokens": tokens}, nil
}

func (s *Server) listApps(context.Context, dictionary) (any, error) {
	apps := []any{}
	for _, a := range s.device.Apps() {
		apps = append(apps, map[string]any{
			"bundleIdentifier": a.BundleID, "name": a.Name, "version": a.Version, "bundleVersion": a.Build,
			"path": a.Path, "isRemovable": true, "isDeveloperApp": true, "isFirstParty": false,
			"isInternal": false, "isHidden": false, "isAppClip": false,
		})
	}
	return apps, nil
}

func (s *Server) signal(_ context.Context, input dictionary) (any, error) {
	pid, err := input.dictionary("process").integer("processIdentifier")
	if err != nil {
		return nil, err
	}
	signal, err := input.integer("signal")
	if err != nil {
		return nil, err
	}
	if err := s.device.Processes().Signal(pid, signal); err != nil {
		return nil, &Error{codeNoProcess, fmt.Sprintf("Signal %d could not be sent to process %d. %v", signal, pid, err)}
	}
	for _, info := range s.device.Processes().List() {
		if info.PID == pid {
			return map[string]any{"process": token(info)}, nil
		}
	}
	return map[string]any{"process": map[string]any{"processIdentifier": int64(pid)}}, nil
}

// monitor answers when the process has ended. How a death by signal looks in the answer is not known from a phone;
// the code is then 128 plus the signal, as shells count.
func (s *Server) monitor(_ context.Context, input dictionary, later func(any, error)) (any, bool, error) {
	pid, err := input.dictionary("processToken").integer("processIdentifier")
	if err != nil {
		return nil, false, err
	}
	err = s.device.Processes().Watch(pid, func(exit process.Exit) {
		code := int64(exit.Code)
		if exit.Signal != 0 {
			code = 128 + int64(exit.Signal)
		}
		later(map[string]any{"status": map[string]any{"exitCode": code, "wasCoreDumpCreated": false}}, nil)
	})
	if err != nil {
		return nil, false, &Error{codeNoProcess, fmt.Sprintf("Process %d could not be watched. %v", pid, err)}
	}
	return nil, true, nil
}
