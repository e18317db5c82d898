import FakeModel
import ModelManager
import Synchronization
import Testing
import Tokenizer

@testable import LanguageRuntime

@Suite struct GenerationTests {
    private func generator(_ backend: FakeBackend = FakeBackend(), context: Int = 256) async throws -> Generator {
        try await Generator.load(Fixtures.package(context: context, chunk: 8), backend: backend)
    }

    @Test func promptBeginsWithTheBeginOfTextToken() async throws {
        let generator = try await generator()
        #expect(generator.encode(prompt: "a") == [1, 67])
    }

    /// A buffer of one and a consumer that lets others go first at every token: everything arrives, in order.
    @Test(arguments: [1, 2, 16])
    func slowConsumerGetsEveryToken(buffer: Int) async throws {
        let generator = try await generator()
        let options = GenerationOptions(maximumTokens: 100, stopsAtEnd: false)
        let stream = generator.generate(prompt: "Once upon", options: options, buffer: buffer)
        var indices: [Int] = []
        for try await token in stream {
            for _ in 0..<20 { await Task.yield() }
            indices.append(token.index)
        }
        #expect(indices == Array(0..<100))
        let summary = try await stream.summary
        #expect(summary.reason == .length)
        #expect(summary.profile.tokens.count == 100)
    }

    /// Generation never runs further ahead of the consumer than the buffer, the token in hand and the one that waits.
    @Test func producerWaitsForTheConsumer() async throws {
        let steps = Counter()
        var backend = FakeBackend()
        backend.onStep = { _ in steps.increment() }
        let generator = try await generator(backend)
        let stream = generator.generate(
            prompt: "a", options: GenerationOptions(maximumTokens: 200, stopsAtEnd: false), buffer: 4)
        var taken = 0
        for try await _ in stream {
            for _ in 0..<50 { await Task.yield() }
            taken += 1
            #expect(steps.value <= taken + 4 + 2)
            if taken == 40 { break }
        }
    }

    @Test func delegateIsToldInOrder() async throws {
        let generator = try await generator()
        let log = DelegateLog()
        let summary = try await generator.generate(
            prompt: "Once", stream: log, options: GenerationOptions(maximumTokens: 3, stopsAtEnd: false))
        #expect(
            log.lines == [
                "prefill \(generator.encode(prompt: "Once").count)", "token 0", "token 1", "token 2", "finish length",
            ])
        #expect(summary.profile.promptTokens == generator.encode(prompt: "Once").count)
    }

    @Test func streamAndDelegateGiveTheSameTokens() async throws {
        let generator = try await generator()
        let options = GenerationOptions(
            maximumTokens: 30, sampling: .init(temperature: 1, topK: 5, seed: 9), stopsAtEnd: false)
        var streamed: [Int32] = []
        for try await token in generator.generate(prompt: "x y z", options: options) { streamed.append(token.id) }
        let collected = Collected()
        _ = try await generator.startConversation().generate(generator.encode(prompt: "x y z"), options) {
            collected.add($0)
        }
        #expect(streamed == collected.tokens.map(\.id))
        #expect(streamed.count == 30)
    }

    @Test func cancellingTheConsumerEndsTheGeneration() async throws {
        let generator = try await generator(context: 4096)
        let stream = generator.generate(
            prompt: "a", options: GenerationOptions(maximumTokens: 4000, stopsAtEnd: false), buffer: 2)
        let consumer = Task {
            var count = 0
            for try await _ in stream {
                count += 1
                if count == 5 { withUnsafeCurrentTask { $0?.cancel() } }
            }
            return count
        }
        #expect(try await consumer.value <= 7)
        await #expect(throws: (any Error).self) { try await stream.summary }
    }

    @Test func lettingGoOfTheStreamEndsTheGeneration() async throws {
        let steps = Counter()
        var backend = FakeBackend()
        backend.onStep = { _ in steps.increment() }
        let generator = try await generator(backend, context: 4096)
        do {
            let stream = generator.generate(
                prompt: "a", options: GenerationOptions(maximumTokens: 4000, stopsAtEnd: false), buffer: 2)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
        }
        for _ in 0..<1000 { await Task.yield() }
        let after = steps.value
        for _ in 0..<1000 { await Task.yield() }
        #expect(steps.value == after)
        #expect(after < 4000)
    }

    @Test func interruptKeepsWhatWasGenerated() async throws {
        let generator = try await generator()
        let collected = Collected()
        let options = GenerationOptions(maximumTokens: 100, stopsAtEnd: false)
        let summary = try await generator.startConversation().generate([1, 5, 6], options) { event in
            collected.add(event)
            if collected.tokens.count == 10 { generator.interrupt() }
        }
        #expect(summary.reason == .interrupted)
        #expect(collected.tokens.count == 10)
        // It concerns what was under way, not what comes after.
        let next = try await generator.startConversation().generate([1, 5, 6], options) { _ in }
        #expect(next.reason == .length)
    }

    @Test func contextFullEndsWithWhatFits() async throws {
        let generator = try await generator(context: 16)
        let collected = Collected()
        let summary = try await generator.startConversation().generate(
            [1, 5, 6], GenerationOptions(maximumTokens: 100, stopsAtEnd: false)
        ) { collected.add($0) }
        #expect(summary.reason == .contextFull)
        #expect(collected.tokens.count == 14, "13 are fed after the prompt of 3; what follows the last is still told")
    }

    @Test func endOfTextIsNotHandedOut() async throws {
        let generator = try await Generator.load(
            Fixtures.package(context: 64, chunk: 8), backend: EndingBackend(after: 3))
        let collected = Collected()
        let conversation = try generator.startConversation()
        let summary = try await conversation.generate([1, 9], GenerationOptions(maximumTokens: 50)) {
            collected.add($0)
        }
        #expect(summary.reason == .endOfText)
        #expect(collected.tokens.count == 3)
    }

    @Test func profileTellsWhereTimeWent() async throws {
        let ticks = Counter()
        let clock = MonotonicClock { Int64(ticks.increment()) * 1000 }
        let generator = try await Generator.load(
            Fixtures.package(context: 64, chunk: 8), backend: FakeBackend(), clock: clock)
        #expect(generator.loadNanoseconds == 1000)
        let summary = try await generator.startConversation().generate(
            [1, 4], GenerationOptions(maximumTokens: 3, stopsAtEnd: false)
        ) { _ in }
        #expect(summary.profile.prefill == 1000)
        #expect(summary.profile.timeToFirstToken == 2000)
        #expect(summary.profile.tokens.count == 3)
        #expect(summary.profile.tokensPerSecond == 1e6)
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    @discardableResult func increment() -> Int { count.add(1, ordering: .sequentiallyConsistent).newValue }
}

private final class DelegateLog: TokenStreamDelegate {
    private let list = Mutex<[String]>([])
    var lines: [String] { list.withLock { $0 } }
    private func add(_ line: String) { list.withLock { $0.append(line) } }
    func generator(didPrefill tokens: Int, nanoseconds: Int64) async { add("prefill \(tokens)") }
    func generator(didGenerate token: GeneratedToken) async { add("token \(token.index)") }
    func generator(didFinish summary: GenerationSummary) async { add("finish \(summary.reason)") }
    func generator(didFail error: any Error) async { add("fail \(error)") }
}

/// Says the end-of-text token after some others.
private struct EndingBackend: ModelBackend {
    let name = "ending"
    let after: Int
    init(after: Int) { self.after = after }
    func load(_ package: ModelPackage, units: ComputeUnits) async throws -> any LoadedModel { Model(after: after) }

    private final class State: ModelState {}
    private final class Model: LoadedModel {
        let notes: [String] = []
        let after: Int
        let calls = Counter()
        init(after: Int) { self.after = after }
        func makeState() throws -> any ModelState { State() }
        func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
            var logits = [Float](repeating: 0, count: 288)
            logits[calls.increment() > after ? 2 : 40] = 1
            return logits
        }
        func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? {
            nil
        }
    }
}
