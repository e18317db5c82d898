package lockdown

import (
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Errors as lockdownd names them.
const (
	errInvalidRequest  = "InvalidRequest"
	errMissingValue    = "MissingValue"
	errGetProhibited   = "GetProhibited"
	errSetProhibited   = "SetProhibited"
	errSessionInactive = "SessionInactive"
	errInvalidService  = "InvalidService"
	errPasswordProtect = "PasswordProtected"
	errPairingPending  = "PairingDialogResponsePending"
	errUserDenied      = "UserDeniedPairing"
	errInvalidHost     = "InvalidHostID"
	errInvalidPairing  = "InvalidPairRecord"
)

// answer serves the requests that leave the connection as it is. It returns the answer's fields, or an error's name.
func (s *Server) answer(request plistio.Dict, inSession bool, pairing Pairing) (map[string]any, string) {
	switch request.String("Request") {
	case "QueryType":
		return map[string]any{"Type": "com.apple.mobile.lockdown"}, ""
	case "GetValue":
		return s.getValue(request, inSession)
	case "SetValue", "RemoveValue":
		return s.setValue(request, inSession)
	case "Pair":
		return s.pair(request)
	case "ValidatePair":
		return s.validatePair(request)
	case "Unpair":
		return s.unpair(request)
	case "StartService":
		return s.startService(request, inSession, pairing)
	case "EnterRecovery":
		return nil, errSetProhibited
	default:
		return nil, errInvalidRequest
	}
}

// getValue reads one property, or all of a domain. Other domains than the main one are for paired hosts, except the
// one by which a virtual phone makes itself known.
func (s *Server) getValue(request plistio.Dict, inSession bool) (map[string]any, string) {
	domain, key := request.String("Domain"), request.String("Key")
	values, ok := s.phone.Values(domain)
	if !ok {
		return nil, errMissingValue
	}
	if domain != "" && domain != VirtualDomain && !inSession {
		return nil, errGetProhibited
	}
	if domain == "" {
		values["DevicePublicKey"] = s.identity.publicPEM
	}
	answer := map[string]any{}
	if domain != "" {
		answer["Domain"] = domain
	}
	if key == "" {
		answer["Value"] = values
		return answer, ""
	}
	value, ok := values[key]
	if !ok {
		return nil, errMissingValue
	}
	answer["Key"], answer["Value"] = key, value
	return answer, ""
}

// VirtualDomain is the lockdown domain by which a phone says that it is virtual. A real phone has no such domain.
const VirtualDomain = "org.lilims.virtual"

func (s *Server) setValue(request plistio.Dict, inSession bool) (map[string]any, string) {
	if !inSession {
		return nil, errSessionInactive
	}
	domain, key := request.String("Domain"), request.String("Key")
	value := request["Value"]
	if request.String("Request") == "RemoveValue" {
		value = nil
	} else if value == nil {
		return nil, errInvalidRequest
	}
	if !s.phone.SetValue(domain, key, value) {
		return nil, errSetProhibited
	}
	answer := map[string]any{"Key": key}
	if value != nil {
		answer["Value"] = value
	}
	return answer, ""
}

// pair trusts a host if the user does. A locked phone shows no dialogue.
func (s *Server) pair(request plistio.Dict) (map[string]any, string) {
	if s.phone.Locked() {
		return nil, errPasswordProtect
	}
	_, held := s.script.Take(faults.Lockdown, faults.PairingPending)
	switch trust := s.phone.Trust(); {
	case held || trust == TrustPending:
		return nil, errPairingPending
	case trust == TrustDenied:
		return nil, errUserDenied
	}
	pairing, err := s.Accept(request.Dict("PairRecord"))
	if err != nil {
		s.log.Warn("pairing refused", "err", err)
		return nil, errInvalidPairing
	}
	return map[string]any{"EscrowBag": pairing.EscrowBag}, ""
}

// Accept trusts the host of a pair record without asking anybody.
func (s *Server) Accept(record plistio.Dict) (Pairing, error) {
	pairing, err := s.identity.pairingOf(record)
	if err != nil {
		return Pairing{}, err
	}
	return pairing, s.pairings.save(pairing)
}

func (s *Server) validatePair(request plistio.Dict) (map[string]any, string) {
	if _, ok := s.pairings.find(request.Dict("PairRecord").String("HostID")); !ok {
		return nil, errInvalidHost
	}
	return map[string]any{"Result": "Success"}, ""
}

func (s *Server) unpair(request plistio.Dict) (map[string]any, string) {
	if s.pairings.remove(request.Dict("PairRecord").String("HostID")) != nil {
		return nil, errInvalidHost
	}
	return map[string]any{"Result": "Success"}, ""
}

// startService makes a service wait on a port, if the phone is in a state to start it.
func (s *Server) startService(request plistio.Dict, inSession bool, pairing Pairing) (map[string]any, string) {
	if !inSession {
		return nil, errSessionInactive
	}
	name := request.String("Service")
	found, ok := s.phone.Services().Find(name)
	if !ok {
		return nil, errInvalidService
	}
	if f, hit := s.script.Take(name, faults.Refuse); hit {
		return nil, f.Error
	}
	if _, hit := s.script.Take(name, faults.NoImage); hit || found.NeedsImage && !s.phone.ImageMounted() {
		return nil, errInvalidService
	}
	if _, hit := s.script.Take(name, faults.Locked); hit || found.NeedsUnlocked && s.phone.Locked() {
		return nil, errPasswordProtect
	}
	config, err := s.identity.serverTLS(pairing)
	if err != nil {
		s.log.Warn("service not started", "service", name, "err", err)
		return nil, errInvalidHost
	}
	port := s.start(started{service: found, config: config})
	return map[string]any{"Service": name, "Port": int(port), "EnableServiceSSL": true}, ""
}
