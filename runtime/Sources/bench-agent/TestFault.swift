#if os(Linux)
import BenchmarkKit
import Glibc
import LanguageRuntime
import ModelManager
import Synchronization

/// Faults for tests of what watches the app, named by LILIMS_FAULT. Only this Linux executable knows them.
///
///     crash@token:N    the process aborts in the N-th decode call of the launch
///     jetsam@token:N   the process is killed there, as the system kills one that takes too much memory
///     hang@token:N     the N-th decode call never returns
///     oom@token:N      the N-th decode call fails for want of memory; `oom` alone is oom@token:1
///     slow@token:N     from the N-th decode call on, each takes 50 ms longer
///     garble@line:N    line N (from 1) of what this launch writes is damaged
///     gap@line:N       line N is not written
///     full@line:N      line N cannot be written: the disk is full
///     exit@load        the process ends with code 9 while the model loads
///     payload@load     a MetricKit payload comes as the session begins
enum TestFault: Equatable, Sendable {
    case crash(Int), jetsam(Int), hang(Int), outOfMemory(Int), slow(Int), garble(Int), gap(Int), full(Int)
    case exitInLoad, payload

    init?(_ text: String) {
        let halves = text.split(separator: "@", maxSplits: 1)
        let place = halves.count == 2 ? halves[1].split(separator: ":", maxSplits: 1) : []
        let number = place.count == 2 ? Int(place[1]).flatMap { $0 > 0 ? $0 : nil } : nil
        switch (halves.first, place.first, number) {
        case ("crash", "token", let n?): self = .crash(n)
        case ("jetsam", "token", let n?): self = .jetsam(n)
        case ("hang", "token", let n?): self = .hang(n)
        case ("oom", "token", let n?): self = .outOfMemory(n)
        case ("oom", nil, nil): self = .outOfMemory(1)
        case ("slow", "token", let n?): self = .slow(n)
        case ("garble", "line", let n?): self = .garble(n)
        case ("gap", "line", let n?): self = .gap(n)
        case ("full", "line", let n?): self = .full(n)
        case ("exit", "load", nil) where place.count == 1: self = .exitInLoad
        case ("payload", "load", nil) where place.count == 1: self = .payload
        default: return nil
        }
    }

    /// Puts the fault between the session and what it uses.
    func apply(to environment: inout SessionEnvironment) {
        switch self {
        case .payload: environment.startObserver = { FaultyObserver($0, folder: $1) }
        case .garble, .gap, .full:
            let open = environment.openOutput
            let fault = self
            environment.openOutput = { FaultyOutput(try open($0), fault) }
        case .crash, .jetsam, .hang, .outOfMemory, .slow, .exitInLoad:
            environment.backend = FaultyBackend(inner: environment.backend, fault: self)
        }
    }
}

private struct FaultyBackend: ModelBackend {
    let inner: any ModelBackend
    let fault: TestFault
    var name: String { inner.name }

    func load(_ package: ModelPackage, units: ComputeUnits) async throws -> any LoadedModel {
        if fault == .exitInLoad { exit(9) }
        return FaultyModel(try await inner.load(package, units: units), fault)
    }
}

private final class FaultyModel: LoadedModel {
    private let inner: any LoadedModel
    private let fault: TestFault
    private let calls = Atomic<Int>(0)

    init(_ inner: any LoadedModel, _ fault: TestFault) {
        self.inner = inner
        self.fault = fault
    }

    var notes: [String] { inner.notes }
    var placements: [PlacedOperations] { inner.placements }

    func makeState() throws -> any ModelState { try inner.makeState() }

    func candidates(_ step: ModelStep, state: any ModelState) async throws -> Candidates {
        if step.function == .decode { try await strike(calls.add(1, ordering: .relaxed).newValue) }
        return try await inner.candidates(step, state: state)
    }

    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        try await inner.logits(step, state: state)
    }

    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? {
        try await inner.logProbabilities(step, targets: targets, state: state)
    }

    private func strike(_ call: Int) async throws {
        switch fault {
        case .crash(call): abort()
        case .jetsam(call): kill(getpid(), SIGKILL)
        case .hang(call): while true { pause() }
        case .slow(let from) where call >= from: try await Task.sleep(for: .milliseconds(50))
        case .outOfMemory(call): throw RuntimeError.outOfMemory(needed: 1 << 30, available: 0)
        default: break
        }
    }
}

/// A payload as MetricKit writes them, small.
private struct FaultyObserver: SessionObserver {
    init(_ recorder: Recorder, folder: String) {
        let name = "metric-0.json"
        let payload = """
            {"timeStampBegin":"2026-01-01 00:00:00 +0000","timeStampEnd":"2026-01-02 00:00:00 +0000","appVersion":"1.0.0",\
            "metaData":{"appBuildVersion":"1","osVersion":"iPhone OS 18.6 (22G86)","regionFormat":"US",\
            "platformArchitecture":"arm64","deviceType":"iPhone15,4"},"memoryMetrics":{"peakMemoryUsage":"200,000 kB"}}
            """
        guard let file = try? EventFile(folder + "/" + name), (try? file.append(Array(payload.utf8))) != nil else {
            return
        }
        recorder.record(.payload) { $0.file = name }
    }

    func stop() {}
}

private final class FaultyOutput: EventOutput {
    private let inner: any EventOutput
    private let fault: TestFault
    private let lines = Atomic<Int>(0)

    init(_ inner: any EventOutput, _ fault: TestFault) {
        self.inner = inner
        self.fault = fault
    }

    func append(_ line: [UInt8]) throws {
        let number = lines.add(1, ordering: .relaxed).newValue
        switch fault {
        case .garble(number): try inner.append([0, UInt8(ascii: "{")] + line.prefix(line.count / 2) + [0x0A])
        case .gap(number): break
        case .full(let from) where number >= from: throw RecordError(path: "events.jsonl", number: ENOSPC)
        default: try inner.append(line)
        }
    }
}
#endif
