import FakeModel
import Foundation
import ModelManager
import ReferenceExecutor
import Testing

@testable import LanguageRuntime

/// The whole runtime on a real package: tokenizer, context window, executor, sampling.
@Suite struct TinyModelTests {
    private struct Golden: Decodable {
        struct Case: Decodable {
            var prompt: String
            var ids: [Int32]
            var greedy: [Int32]
        }
        var cases: [Case]
    }

    private func generator(units: ComputeUnits = .cpuOnly) async throws -> Generator {
        try await Generator.load(Fixtures.tinyPackage(), backend: ReferenceBackend(threads: 1), units: units)
    }

    /// The greedy continuation of a numpy forward pass over the same weights (runtime/convert).
    @Test func greedyContinuationIsThatOfNumpy() async throws {
        let file = Fixtures.folder.appendingPathComponent("model/tiny.golden.json")
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
        let generator = try await generator()
        for item in golden.cases {
            #expect(generator.encode(prompt: item.prompt) == item.ids)
            let options = GenerationOptions(maximumTokens: item.greedy.count, stopsAtEnd: false)
            var ids: [Int32] = []
            for try await token in generator.generate(prompt: item.prompt, options: options) { ids.append(token.id) }
            #expect(ids == item.greedy, "\(item.prompt)")
        }
    }

    /// Whether a text is fed at once or in two parts makes no difference to what follows.
    @Test(arguments: [1, 2, 7, 8, 9, 15])
    func aTextMayBeFedInParts(cut: Int) async throws {
        let generator = try await generator()
        let prompt = generator.encode(prompt: "The cat sat on the mat and said hello")
        let options = GenerationOptions(maximumTokens: 10, stopsAtEnd: false)
        let whole = Collected()
        _ = try await generator.startConversation().generate(prompt, options) { whole.add($0) }
        let parts = Collected()
        let conversation = try generator.startConversation()
        try await conversation.append(Array(prompt.prefix(cut)))
        _ = try await conversation.generate(Array(prompt.dropFirst(cut)), options) { parts.add($0) }
        #expect(whole.tokens.map(\.id) == parts.tokens.map(\.id))
    }

    /// Texts may be longer than the context when it slides: the newest half is computed again.
    @Test func aLongTextSlides() async throws {
        let generator = try await generator()
        let options = GenerationOptions(maximumTokens: 200, stopsAtEnd: false, contextPolicy: .slide(anchors: 1))
        let stream = generator.generate(prompt: "Once upon a time", options: options)
        var count = 0
        for try await _ in stream { count += 1 }
        #expect(count == 200)
        #expect(try await stream.summary.reason == .length)
    }

    /// Two texts at once on one model do not mix.
    @Test func conversationsAreIndependent() async throws {
        let generator = try await generator()
        func tokens(_ prompt: String) async throws -> [Int32] {
            let options = GenerationOptions(maximumTokens: 15, stopsAtEnd: false)
            var ids: [Int32] = []
            for try await token in generator.generate(prompt: prompt, options: options) { ids.append(token.id) }
            return ids
        }
        let alone = [try await tokens("The cat"), try await tokens("a")]
        async let first = tokens("The cat")
        async let second = tokens("a")
        #expect([try await first, try await second] == alone)
    }

    @Test func perplexityIsThatOfTheLogits() async throws {
        let generator = try await generator()
        var perplexity = Perplexity()
        #expect(perplexity.value == nil)
        try await generator.score("The cat sat", into: &perplexity)
        let ids = generator.encode(prompt: "The cat sat") + [2]
        #expect(perplexity.tokens == ids.count - 1)
        // By hand, each prefix on its own.
        var total = 0.0
        for length in 1..<ids.count {
            var window = ContextWindow(generator.shape)
            var pending = ids[..<length]
            let state = try generator.model.makeState()
            var logits: [Float] = []
            while !pending.isEmpty { logits = try await generator.model.logits(window.step(&pending), state: state) }
            total -= Generator.logProbability(of: ids[length], logits)
        }
        let want = exp(total / Double(ids.count - 1))
        #expect(abs((perplexity.value ?? 0) / want - 1) < 1e-4)
    }

    @Test func aTextThatDoesNotFitIsNotScored() async throws {
        let generator = try await generator()
        var perplexity = Perplexity()
        let text = String(repeating: "cat ", count: 100)
        await #expect(throws: RuntimeError.self) { try await generator.score(text, into: &perplexity) }
        #expect(perplexity.tokens == 0)
    }
}
