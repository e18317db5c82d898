import FakeModel
import Foundation
import LanguageRuntime
import ModelManager
import Synchronization
import Testing

@testable import BenchmarkKit

@Suite struct SessionTests {
    @Test func aPlanIsCarriedOut() async throws {
        let bench = try TestBench(["warmups": "1", "iterations": "2", "generate_tokens": "40"])
        #expect(try await bench.run() == .complete)
        let events = try bench.events()
        #expect(events.map(\.seq) == Array(0..<Int64(events.count)))
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.atNs <= $1.atNs })
        #expect(events.first?.kind == .hello)
        #expect(events.last?.kind == .end)
        #expect(events.last?.reason == "complete")
        #expect(events.last?.count == 3)
        #expect(events.filter { $0.kind == .load }.map(\.regime) == ["cold", "warm"])
        #expect(events.filter { $0.kind == .iterationBegin }.map(\.warmup) == [true, false, false])
        for index in 0..<3 {
            #expect(events.tokens(of: index).count == 40)
            #expect(events.tokens(of: index) == events.tokens(of: 0), "greedy: every iteration is the same")
            let lines = events.filter { $0.iteration == index }.story
            #expect(lines.first == .iterationBegin)
            #expect(lines.dropFirst().first == .prefill)
            #expect(lines.last == .iterationEnd)
            #expect(events.contains { $0.iteration == index && $0.metric == "footprint_bytes" })
        }
        let end = try #require(events.first { $0.kind == .iterationEnd })
        #expect(end.outcome == "ok")
        #expect(end.reason == "length")
        #expect(end.count == 40)
    }

    /// Every phase has its own memory: the load, the prompt's pass, and the tokens after it.
    @Test func memoryIsToldPhaseByPhase() async throws {
        let bench = try TestBench(["iterations": "2", "generate_tokens": "4"])
        let footprint = Atomic<Int64>(10 << 20)
        let looks = Atomic<Int>(0)
        /// Sets the footprint and waits until a probe has seen it, from its beginning to its end.
        let become: @Sendable (Int64) async -> Void = { megabytes in
            footprint.store(megabytes << 20, ordering: .sequentiallyConsistent)
            let before = looks.load(ordering: .sequentiallyConsistent)
            while looks.load(ordering: .sequentiallyConsistent) < before + 2 { await Task.yield() }
        }
        var backend = FakeBackend()
        backend.onStep = { step in await become(step.count > 1 ? 50 : 40) }
        var environment = bench.environment(backend)
        environment.memory = {
            let now = footprint.load(ordering: .sequentiallyConsistent)
            looks.add(1, ordering: .sequentiallyConsistent)
            return MemoryReading(footprint: now, peak: 60 << 20, available: (100 << 20) - now)
        }
        #expect(try await bench.run(environment) == .complete)
        let samples = try bench.events().filter { $0.kind == .sample }
        func highest(_ metric: String, _ phase: String, _ iteration: Int?) -> Int? {
            let values = samples.filter { $0.metric == metric && $0.phase == phase && $0.iteration == iteration }
                .compactMap(\.value)
            return values.max().map { Int($0) >> 20 }
        }
        let loaded = samples.first { $0.metric == "ledger_peak_bytes" }
        #expect(loaded?.phase == "load", "the first phase that ends is the load")
        for iteration in 0..<2 {
            #expect(highest("footprint_bytes", "prefill", iteration) == 50)
            #expect(highest("available_bytes", "prefill", iteration) == 50)
            #expect(highest("ledger_peak_bytes", "decode", iteration) == 60)
            #expect(samples.last { $0.metric == "footprint_bytes" && $0.iteration == iteration }?.value == Double(40 << 20))
        }
    }

    @Test func whereOperationsAreToRunIsToldOnce() async throws {
        let bench = try TestBench(["iterations": "2"])
        var backend = FakeBackend()
        backend.placements = [
            PlacedOperations(function: "decode", unit: .neuralEngine, count: 9),
            PlacedOperations(function: "decode", unit: .cpu, count: 2, names: ["gather_0", "top_ids"]),
        ]
        #expect(try await bench.run(bench.environment(backend)) == .complete)
        let events = try bench.events()
        #expect(events.filter { $0.kind == .load }.count == 2)
        let placed = events.filter { $0.kind == .placement }
        #expect(placed.map(\.function) == ["decode", "decode"])
        #expect(placed.map(\.unit) == ["neural_engine", "cpu"])
        #expect(placed.map(\.count) == [9, 2])
        #expect(placed.map(\.operations) == [nil, "gather_0 top_ids"])
    }

    /// The text is scored once, after the iterations, with the phase of its own.
    @Test func theTextIsScoredAfterTheIterations() async throws {
        let text = "Once upon a time there was a cat"
        let bench = try TestBench(["iterations": "2", "score_text": "\"\(text)\""])
        #expect(try await bench.run() == .complete)
        let events = try bench.events()
        let sample = try #require(events.first { $0.metric == "perplexity" })
        #expect(events.filter { $0.metric == "perplexity" }.count == 1)
        #expect(sample.phase == "score" && sample.unit == "1" && sample.iteration == nil)
        let lastIteration = try #require(events.last { $0.kind == .iterationEnd })
        #expect(sample.seq > lastIteration.seq)
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: FakeBackend())
        var expected = Perplexity()
        try await generator.score(text, into: &expected)
        #expect(sample.value == expected.value)
    }

    @Test func aTextThatCannotBeScoredSpoilsNothingElse() async throws {
        let text = String(repeating: "a cat and a dog ", count: 500)
        let bench = try TestBench(["score_text": "\"\(text)\""])
        #expect(try await bench.run() == .complete)
        let events = try bench.events()
        let sample = try #require(events.first { $0.metric == "perplexity" })
        #expect(sample.value == nil)
        #expect(sample.reason?.hasPrefix("the text was not scored: ") == true)
        #expect(events.last?.reason == "complete" && !events.contains { $0.kind == .error })
    }

    @Test func helloSaysWhoSpeaks() async throws {
        let bench = try TestBench()
        _ = try await bench.run()
        let hello = try #require(try bench.events().first)
        #expect(hello.session == "s000")
        #expect(hello.agent == runtimeVersion.description)
        #expect(hello.backend == "fake")
        #expect(hello.bundleID == "org.lilims.bench")
        #expect(hello.revision == "0123abc")
        #expect(hello.unixNs ?? 0 > 1_700_000_000_000_000_000)
    }

    /// A plan that samples from more tokens than the model's steps give ends with that reason, before anything is measured.
    @Test func samplingThatTheModelCannotServeIsSaid() async throws {
        let folder = Fixtures.folder.appendingPathComponent("model/tiny-ranked")
        let hash = try ModelPackage.open(folder, runtime: runtimeVersion).hash
        let bench = try TestBench([
            "model": "\"\(folder.path)\"", "model_hash": "\"\(hash)\"", "temperature": "0.7", "top_k": "9",
        ])
        #expect(try await bench.run() != .complete)
        let error = try #require(try bench.events().first { $0.kind == .error })
        #expect(error.code == "too_few_candidates")
        #expect(error.message?.contains("set top-k to 8 or less") == true)
    }

    @Test func firstEverIsSaidOfTheFirstLaunchOnly() async throws {
        let bench = try TestBench(["first_ever": "true"])
        var backend = FakeBackend()
        backend.onStep = { _ in throw RuntimeError.backend("broken") }
        #expect(try await bench.run(bench.environment(backend)) == .generationFailed)
        #expect(try await bench.run() == .complete)
        #expect(try bench.events().filter { $0.kind == .load }.map(\.regime) == ["first_ever", "cold", "warm"])
    }

    @Test(arguments: [(nil, 1), (7, 7), (23, 23), (1, 1)] as [(Int?, Int)])
    func promptHasExactlyTheTokensAskedFor(asked: Int?, want: Int) async throws {
        let bench = try TestBench(asked.map { ["prompt_tokens": "\($0)"] } ?? ["prompt": "\"\""])
        #expect(try await bench.run() == .complete)
        let begin = try #require(try bench.events().first { $0.kind == .iterationBegin })
        #expect(begin.promptTokens == want)
        #expect(try bench.events().first { $0.kind == .prefill }?.promptTokens == want)
    }

    /// The cache is filled before the iteration begins, and the prompt is fed behind it.
    @Test func depthComesBeforeTheIteration() async throws {
        let positions = Mutex<[Int32]>([])
        var backend = FakeBackend()
        backend.onStep = { step in positions.withLock { $0 += step.positions.prefix(step.count) } }
        let bench = try TestBench(["kv_depth": "20", "prompt_tokens": "6", "generate_tokens": "3"])
        #expect(try await bench.run(bench.environment(backend)) == .complete)
        #expect(positions.withLock { $0 } == Array(0..<28))
        #expect(try bench.events().first { $0.kind == .prefill }?.promptTokens == 6)
    }

    @Test func aPlanThatDoesNotFitTheContextIsRefused() async throws {
        let bench = try TestBench(["prompt_tokens": "60", "generate_tokens": "10"])
        #expect(try await bench.run() == .modelUnusable)
        let events = try bench.events()
        #expect(events.story == [.hello, .load, .error, .end])
        #expect(events.first { $0.kind == .error }?.code == "prompt_too_long")
        #expect(events.first { $0.kind == .error }?.message?.contains("69") == true)
    }

    @Test func aSoakGoesOnUntilItsTimeIsOver() async throws {
        let bench = try TestBench([
            "duration_ns": "10000000000", "generate_tokens": "20", "warmups": "1", "iterations": "0",
        ])
        var backend = FakeBackend()
        backend.onStep = { [clock = bench.clock] _ in clock.advance(100_000_000) }
        #expect(try await bench.run(bench.environment(backend)) == .complete)
        let ends = try bench.events().filter { $0.kind == .iterationEnd }
        #expect(ends.allSatisfy { $0.outcome == "ok" })
        #expect(ends.count == 6, "a warm-up, four whole iterations of some 2.2 s, and one that the end cuts short")
        #expect(ends.last?.reason == "duration")
        #expect(ends.last?.count ?? 99 < 20)
        #expect(try bench.events().last?.reason == "complete")
    }

    /// Iterations are never cut short for it: the last one begins before the time is over, and ends when it ends.
    @Test(arguments: [("10000000000", 6), ("1000000000", 3)])
    func aSessionGoesOnUntilItHasWorkedLongEnough(minimum: String, iterations: Int) async throws {
        let bench = try TestBench([
            "min_work_ns": minimum, "generate_tokens": "20", "warmups": "1", "iterations": "2",
        ])
        var backend = FakeBackend()
        backend.onStep = { [clock = bench.clock] _ in clock.advance(100_000_000) }
        #expect(try await bench.run(bench.environment(backend)) == .complete)
        let ends = try bench.events().filter { $0.kind == .iterationEnd }
        #expect(ends.count == iterations, "a warm-up, and iterations of some 2.2 s")
        #expect(ends.allSatisfy { $0.outcome == "ok" && $0.count == 20 })
        #expect(try bench.events().last?.reason == "complete")
    }

    @Test func tooHotEndsTheSession() async throws {
        let bench = try TestBench(["abort_thermal": "\"serious\"", "generate_tokens": "30", "iterations": "5"])
        let steps = Atomic<Int>(0)
        var backend = FakeBackend()
        backend.onStep = { [clock = bench.clock] _ in
            clock.advance(300_000_000)
            // Gives the probe's task a turn of its own once it is hot.
            if steps.add(1, ordering: .relaxed).newValue > 10 { try? await Task.sleep(for: ProbeLoop.interval * 2) }
        }
        var environment = bench.environment(backend)
        environment.thermal = { steps.load(ordering: .relaxed) > 10 ? .serious : .nominal }
        #expect(try await bench.run(environment) == .complete)
        let events = try bench.events()
        #expect(events.filter { $0.kind == .thermal }.map(\.state) == ["nominal", "serious"])
        #expect(events.last { $0.kind == .iterationEnd }?.outcome == "thermal")
        #expect(events.last?.reason == "thermal")
        #expect(events.filter { $0.kind == .iterationBegin }.count < 5)
    }
}

@Suite struct SessionFailureTests {
    @Test(arguments: [
        (["model_hash": "\"ffff\""], "load_failed"),
        (["model": "\"/nonexistent\""], "load_failed"),
    ])
    func noModelNoIteration(_ fields: [String: String], _ code: String) async throws {
        let bench = try TestBench(fields)
        #expect(try await bench.run() == .modelUnusable)
        let events = try bench.events()
        #expect(events.story == [.hello, .error, .end])
        #expect(events.first { $0.kind == .error }?.code == code)
        #expect(events.last?.count == 0)
        #expect(events.last?.reason == "error")
    }

    @Test func aBackendThatCannotLoadIsSaid() async throws {
        let bench = try TestBench()
        var backend = FakeBackend()
        backend.onLoad = { throw RuntimeError.loadFailed("unknown operation foo") }
        #expect(try await bench.run(bench.environment(backend)) == .modelUnusable)
        #expect(try bench.events().first { $0.kind == .error }?.message?.contains("unknown operation foo") == true)
    }

    /// Out of memory in mid-generation: the tokens until then, the error, the end of the iteration, the end.
    @Test func outOfMemoryIsRecordedWithWhatCameBefore() async throws {
        let bench = try TestBench(["iterations": "3", "generate_tokens": "30"])
        let steps = Atomic<Int>(0)
        var backend = FakeBackend()
        backend.onStep = { _ in
            if steps.add(1, ordering: .relaxed).newValue == 12 {
                throw RuntimeError.outOfMemory(needed: 1, available: 0)
            }
        }
        #expect(try await bench.run(bench.environment(backend)) == .generationFailed)
        let events = try bench.events()
        #expect(events.first { $0.kind == .error }?.code == "out_of_memory")
        #expect(events.first { $0.kind == .error }?.iteration == 0)
        let end = try #require(events.first { $0.kind == .iterationEnd })
        #expect(end.outcome == "error")
        #expect(end.count == events.tokens(of: 0).count)
        #expect(end.count ?? 0 > 5)
        #expect(events.last?.reason == "error")
    }

    @Test func aFullDiskIsToldByTheResult() async throws {
        let bench = try TestBench(["iterations": "50"])
        let output = MemoryOutput(limit: 12)
        var environment = bench.environment()
        environment.openOutput = { _ in output }
        #expect(try await bench.run(environment) == .recordLost)
        #expect(output.events.count == 12)
        #expect(output.events.map(\.seq) == Array(0..<12))
    }

    @Test func aFolderThatIsGoneIsTold() async throws {
        let bench = try TestBench()
        var environment = bench.environment()
        environment.openOutput = { _ in try EventFile("/nonexistent/events.jsonl") }
        await #expect(throws: RecordError(path: "/nonexistent/events.jsonl", number: 2)) {
            try await bench.run(environment)
        }
    }

    @Test(arguments: [
        ["v": "9"], ["generate_tokens": "0"], ["iterations": "-1"], ["compute_units": "\"tpu\""], ["temperature": "-1"],
        ["prompt_tokens": "0"], ["abort_thermal": "\"hot\""],
    ])
    func nonsenseInThePlanIsRefused(_ fields: [String: String]) throws {
        let bench = try TestBench(fields)
        #expect(throws: PlanError.self) {
            try BenchmarkSession(planPath: bench.planPath, environment: bench.environment())
        }
    }
}

@Suite struct RelaunchTests {
    /// Cut off anywhere, a second launch goes on: numbers without a gap, and every iteration with one end.
    @Test(arguments: [0.1, 0.3, 0.5, 0.77, 0.9])
    func aSecondLaunchTakesUpWhereTheFirstWasCutOff(_ part: Double) async throws {
        let bench = try TestBench(["warmups": "1", "iterations": "3", "generate_tokens": "20"])
        _ = try await bench.run()
        let whole = try Data(contentsOf: URL(fileURLWithPath: bench.eventsPath))
        try whole.prefix(Int(Double(whole.count) * part)).write(to: URL(fileURLWithPath: bench.eventsPath))
        #expect(try await bench.run() == .complete)

        let lines = try Data(contentsOf: URL(fileURLWithPath: bench.eventsPath)).split(separator: 0x0A)
        let events = lines.compactMap { try? JSONDecoder().decode(Event.self, from: Data($0)) }
        #expect(lines.count - events.count <= 1, "only the line that was cut is damaged")
        #expect(events.map(\.seq) == Array(0..<Int64(events.count)))
        #expect(events.filter { $0.kind == .iterationEnd }.compactMap(\.iteration).sorted() == [0, 1, 2, 3])
        #expect(events.filter { $0.kind == .hello }.count == 2)
        #expect(events.last?.reason == "complete")
    }

    @Test func aFinishedPlanIsLeftAlone() async throws {
        let bench = try TestBench()
        _ = try await bench.run()
        let before = try Data(contentsOf: URL(fileURLWithPath: bench.eventsPath))
        #expect(try await bench.run() == .complete)
        #expect(try Data(contentsOf: URL(fileURLWithPath: bench.eventsPath)) == before)
    }
}
