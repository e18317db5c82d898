/// The schema version of event lines and plans (harness/wire).
public let wireVersion = 1

/// One line of events.jsonl. The fields are those of `Event` in harness/wire; which are set depends on the kind, and
/// nil is absent on the wire.
public struct Event: Sendable, Equatable, Decodable {
    public enum Kind: String, Sendable, Codable {
        case hello, load, placement, prefill, tokens, sample, thermal, payload, error, end
        case iterationBegin = "iteration_begin"
        case iterationEnd = "iteration_end"
        case memoryWarning = "memory_warning"
    }

    public var v = wireVersion
    /// Set by the log.
    public var seq: Int64 = 0
    public var atNs: Int64
    public var kind: Kind

    public var iteration: Int?
    public var warmup: Bool?
    public var promptTokens: Int?
    public var ns: Int64?
    public var outcome: String?
    public var reason: String?
    public var state: String?
    public var file: String?
    public var code: String?
    public var message: String?

    public var first: Int?
    public var ids: [Int32]?
    public var at: [Int64]?
    public var text: String?

    public var metric: String?
    public var value: Double?
    public var unit: String?
    public var phase: String?

    public var regime: String?
    public var model: String?
    public var modelHash: String?
    public var modelBytes: Int64?
    public var count: Int?
    public var function: String?
    /// Names, a space between two.
    public var operations: String?

    public var session: String?
    public var agent: String?
    public var pid: Int?
    public var bundleID: String?
    public var revision: String?
    public var configuration: String?
    public var backend: String?
    public var computeUnits: String?
    public var os: String?
    public var machine: String?
    public var memoryBytes: Int64?
    public var lowPower: Bool?
    public var unixNs: Int64?

    public init(_ kind: Kind, at: Int64, iteration: Int? = nil) {
        self.kind = kind
        atNs = at
        self.iteration = iteration
    }

    enum CodingKeys: String, CodingKey {
        case v, seq, kind, iteration, warmup, ns, outcome, reason, state, file, code, message, first, ids, at, text
        case metric, value, unit, phase, regime, model, count, session, agent, pid, revision, configuration, backend
        case os, machine, function, operations
        case atNs = "at_ns"
        case promptTokens = "prompt_tokens"
        case modelHash = "model_hash"
        case modelBytes = "model_bytes"
        case bundleID = "bundle_id"
        case computeUnits = "compute_units"
        case memoryBytes = "memory_bytes"
        case lowPower = "low_power"
        case unixNs = "unix_ns"
    }
}

extension Event {
    /// The line's bytes, newline included. Written by hand so that the fields stand in a fixed, readable order and a
    /// line of tokens costs little on the measured path.
    public func line() -> [UInt8] {
        var json = LineWriter()
        json.put("v", v)
        json.put("seq", seq)
        json.put("at_ns", atNs)
        json.put("kind", kind.rawValue)
        putIdentity(&json)
        json.put("iteration", iteration)
        json.put("warmup", warmup)
        json.put("regime", regime)
        json.put("prompt_tokens", promptTokens)
        json.put("ns", ns)
        json.put("model", model)
        json.put("model_hash", modelHash)
        json.put("model_bytes", modelBytes)
        json.put("first", first)
        json.put("ids", ids)
        json.put("at", at)
        json.put("metric", metric)
        json.put("value", value)
        json.put("unit", unit)
        json.put("phase", phase)
        json.put("state", state)
        json.put("file", file)
        json.put("outcome", outcome)
        json.put("code", code)
        json.put("message", message)
        json.put("function", function)
        json.put("count", count)
        json.put("operations", operations)
        json.put("reason", reason)
        json.put("text", text)
        return json.finish()
    }

    private func putIdentity(_ json: inout LineWriter) {
        guard kind == .hello else { return }
        json.put("session", session)
        json.put("agent", agent)
        json.put("pid", pid)
        json.put("bundle_id", bundleID)
        json.put("revision", revision)
        json.put("configuration", configuration)
        json.put("backend", backend)
        json.put("compute_units", computeUnits)
        json.put("os", os)
        json.put("machine", machine)
        json.put("memory_bytes", memoryBytes)
        json.put("low_power", lowPower)
        json.put("unix_ns", unixNs)
    }
}

/// Builds one JSON object on one line. nil fields are left out; numbers that JSON cannot say (NaN, infinities) too.
private struct LineWriter {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func put(_ key: StaticString, _ value: (some FixedWidthInteger)?) {
        guard let value else { return }
        begin(key)
        append(String(value))
    }

    mutating func put(_ key: StaticString, _ value: Bool?) {
        guard let value else { return }
        begin(key)
        append(value ? "true" : "false")
    }

    mutating func put(_ key: StaticString, _ value: Double?) {
        guard let value, value.isFinite else { return }
        begin(key)
        // Whole numbers without ".0", as bytes and counts are.
        append(Int64(exactly: value).map { String($0) } ?? String(value))
    }

    mutating func put(_ key: StaticString, _ value: String?) {
        guard let value else { return }
        begin(key)
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 { appendEscaped(byte) }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func put(_ key: StaticString, _ values: [some FixedWidthInteger]?) {
        guard let values else { return }
        begin(key)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(String(value))
        }
        bytes.append(UInt8(ascii: "]"))
    }

    mutating func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        bytes.append(0x0A)
        return bytes
    }

    private mutating func begin(_ key: StaticString) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 0x0A: append("\\n")
        case 0x0D: append("\\r")
        case 0x09: append("\\t")
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            append("\\u00")
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }
}
