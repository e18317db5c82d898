#if os(Linux)
import BenchmarkKit
import Glibc
import ModelManager
import Runtime
import Synchronization

/// Faults for tests of what watches the app, named by LILIMS_FAULT. Only this Linux executable knows them.
///
///     crash@token:N    the process aborts in the N-th decode call of the launch
///     jetsam@token:N   the process is killed there, as the system kills one that takes too much memory
///     hang@token:N     the N-th decode call never returns
///     oom@token:N      the N-th decode call fails for want of memory; `oom` alone is oom@token:1
///     garble@line:N    line N (from 1) of what this launch writes is damaged
///     full@line:N      line N cannot be written: the disk is full
///     exit@load        the process ends with code 9 while the model loads
enum TestFault: Equatable, Sendable {
    case crash(Int), jetsam(Int), hang(Int), outOfMemory(Int), garble(Int), full(Int), exitInLoad

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
        case ("garble", "line", let n?): self = .garble(n)
        case ("full", "line", let n?): self = .full(n)
        case ("exit", "load", nil) where place.count == 1: self = .exitInLoad
        default: return nil
        }
    }

    /// Puts the fault between the session and what it uses.
    func apply(to environment: inout SessionEnvironment) {
        switch self {
        case .garble, .full:
            let open = environment.openOutput
            let fault = self
            environment.openOutput = { FaultyOutput(try open($0), fault) }
        case .crash, .jetsam, .hang, .outOfMemory, .exitInLoad:
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

    func makeState() throws -> any ModelState { try inner.makeState() }

    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        if step.function == .decode { try strike(calls.add(1, ordering: .relaxed).newValue) }
        return try await inner.logits(step, state: state)
    }

    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? {
        try await inner.logProbabilities(step, targets: targets, state: state)
    }

    private func strike(_ call: Int) throws {
        switch fault {
        case .crash(call): abort()
        case .jetsam(call): kill(getpid(), SIGKILL)
        case .hang(call): while true { pause() }
        case .outOfMemory(call): throw RuntimeError.outOfMemory(needed: 1 << 30, available: 0)
        default: break
        }
    }
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
        case .full(let from) where number >= from: throw RecordError(path: "events.jsonl", number: ENOSPC)
        default: try inner.append(line)
        }
    }
}
#endif
