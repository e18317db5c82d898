import FakeModel
import Foundation
import LanguageRuntime
import ModelManager
import Synchronization

@testable import BenchmarkKit

/// A folder with a plan, a clock that tests move, and a fake network: everything that a session needs.
final class TestBench: Sendable {
    let folder: URL
    let clock = TestClock()
    var planPath: String { folder.appendingPathComponent("plan.json").path }
    var eventsPath: String { folder.appendingPathComponent("events.jsonl").path }

    init(_ fields: [String: String] = [:]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try write(fields)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Writes the plan: the fields that every plan has, and `fields` (JSON texts) over them.
    func write(_ fields: [String: String]) throws {
        let package = try Fixtures.tinyPackage()
        var all = [
            "v": "1", "run": "\"r1\"", "session": "\"s000\"", "model": "\"\(package.folder.path)\"",
            "model_hash": "\"\(package.hash)\"", "first_ever": "false", "prompt": "\"Once upon a time\"",
            "generate_tokens": "5", "warmups": "0", "iterations": "1", "compute_units": "\"cpu_only\"",
            "temperature": "0",
        ]
        all.merge(fields) { $1 }
        let text = "{" + all.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
        try Data(text.utf8).write(to: URL(fileURLWithPath: planPath))
    }

    func environment(_ backend: FakeBackend = FakeBackend()) -> SessionEnvironment {
        var environment = SessionEnvironment(
            backend: backend, identity: AppIdentity(bundleID: "org.lilims.bench", revision: "0123abc"), environment: [:]
        )
        environment.clock = clock.clock
        environment.memory = { MemoryReading(footprint: 20 << 20, peak: 30 << 20, available: nil) }
        environment.memoryMeter = MemoryMeter { nil }
        return environment
    }

    func run(_ environment: SessionEnvironment? = nil) async throws -> BenchmarkSession.Result {
        try await BenchmarkSession(planPath: planPath, environment: environment ?? self.environment()).run()
    }

    func events() throws -> [Event] {
        try Data(contentsOf: URL(fileURLWithPath: eventsPath)).split(separator: 0x0A)
            .map { try JSONDecoder().decode(Event.self, from: Data($0)) }
    }
}

/// Time that passes by 1 µs at every look, and otherwise when a test says so.
final class TestClock: Sendable {
    private let time = Atomic<Int64>(1_000_000)
    func advance(_ nanoseconds: Int64) { time.add(nanoseconds, ordering: .sequentiallyConsistent) }
    var clock: MonotonicClock { MonotonicClock { self.time.add(1000, ordering: .sequentiallyConsistent).newValue } }
}

/// Lines in memory.
final class MemoryOutput: EventOutput {
    private let list = Mutex<[Event]>([])
    private let limit: Int
    init(limit: Int = .max) { self.limit = limit }
    var events: [Event] { list.withLock { $0 } }
    func append(_ line: [UInt8]) throws {
        let event = try JSONDecoder().decode(Event.self, from: Data(line))
        try list.withLock {
            if $0.count >= limit { throw RecordError(path: "events.jsonl", number: 28) }
            $0.append(event)
        }
    }
}

extension Array where Element == Event {
    /// Kinds in order, samples and thermal states left out: those come when they come.
    var story: [Event.Kind] { map(\.kind).filter { $0 != .sample && $0 != .thermal } }

    /// Ids of an iteration's tokens, in order of the lines.
    func tokens(of iteration: Int) -> [Int32] { filter { $0.iteration == iteration }.flatMap { $0.ids ?? [] } }
}
