import FakeModel
import ModelManager
import ReferenceExecutor
import Testing

@testable import LanguageRuntime

/// A package whose steps give the most likely tokens, with a local layer and more positions than slots, run by the
/// executor. That its logits are right is for the converter's tests, which have an independent reference.
@Suite struct RankedModelTests {
    private func generator() async throws -> Generator {
        let folder = Fixtures.folder.appendingPathComponent("model/tiny-ranked")
        return try await Generator.load(
            ModelPackage.open(folder, runtime: runtimeVersion), backend: ReferenceBackend(threads: 1))
    }

    private let text: [Int32] = (0..<70).map { (place: Int) -> Int32 in
        let mixed = place * (37 + place * 5)
        return Int32(3 + mixed % 280)
    }

    /// In every round of the cache, by chunk and by token, candidates are the largest of all logits.
    @Test func candidatesAreTheLargestLogits() async throws {
        let generator = try await generator()
        let (model, policy) = (generator.model, ContextPolicy.slide(anchors: 1))
        for pieces in [[70], [1, 1, 1, 30, 1, 12, 24], [Int](repeating: 1, count: 50)] {
            let states = (try model.makeState(), try model.makeState())
            var window = ContextWindow(generator.shape, policy: policy)
            var rest = text[...]
            for length in pieces {
                var pending = rest.prefix(length)
                rest = rest.dropFirst(length)
                while !pending.isEmpty {
                    let step = window.step(&pending)
                    let logits = try await model.logits(step, state: states.0)
                    guard case .top(let kept) = try await model.candidates(step, state: states.1) else {
                        Issue.record("all logits where eight are due")
                        return
                    }
                    let best = Sampler.largest(8, of: logits)
                    #expect(kept.map(\.id) == best.map(Int32.init))
                    for (candidate, index) in zip(kept, best) { #expect(abs(candidate.logit - logits[index]) < 1e-4) }
                }
            }
        }
    }

    /// A text up to the cache's last slot: its last chunk begins earlier, and nothing is scored twice.
    @Test(arguments: [2, 8, 9, 17, 18, 20])
    func scoresAreThoseOfTheLogits(length: Int) async throws {
        let generator = try await generator()
        let model = generator.model
        let tokens = Array(text.prefix(length + 1))
        var byChunk = Perplexity()
        try await generator.score(tokens, into: &byChunk)
        #expect(byChunk.tokens == length)
        let state = try model.makeState()
        var window = ContextWindow(generator.shape)
        var total = 0.0
        for (token, target) in zip(tokens, tokens.dropFirst()) {
            var pending = [token][...]
            let logits = try await model.logits(window.step(&pending), state: state)
            total -= Generator.logProbability(of: target, logits)
        }
        #expect(abs(byChunk.total - total) < 1e-3 * Double(length))
    }

    @Test func aChatMuchLongerThanTheCacheGoesOn() async throws {
        let generator = try await generator()
        let conversation = try generator.startConversation(policy: .slide(anchors: 1))
        let options = GenerationOptions(maximumTokens: 10, stopsAtEnd: false)
        for _ in 0..<10 {
            let summary = try await conversation.generate(Array(text.prefix(23)), options) { _ in }
            #expect(summary.reason == .length)
        }
    }
}
