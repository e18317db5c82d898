import CoreML
import Foundation
import ModelManager
import ReferenceExecutor
import Testing

@testable import CoreMLBackend
@testable import LanguageRuntime

/// The Core ML backend on the stand-in for Core ML: inputs, outputs and states as it hands them over. The reference
/// executor behind the stand-in gets the same steps through its own backend, and must say the same.
@Suite(.serialized) struct StandInTests {
    private static let runtime = URL(fileURLWithPath: ProcessInfo.processInfo.environment["RUNTIME"] ?? "")
    static let models = ["Tests/Fixtures/model/tiny", "Tests/Fixtures/model/tiny-ranked", "models/stories-1m"]

    private func package(_ model: String) throws -> ModelPackage {
        try ModelPackage.open(Self.runtime.appendingPathComponent(model), runtime: runtimeVersion)
    }

    /// A generator on each backend; what the stand-in is to be like, from an empty cache on.
    private func both(_ model: String, spacing: Int = 1, sharesStates: Bool = true) async throws -> (Generator, Generator) {
        StandIn.current.withLock { $0 = StandIn(spacing: spacing, sharesStates: sharesStates) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("compiled-\(UUID().uuidString)")
        let package = try package(model)
        return (
            try await Generator.load(package, backend: CoreMLBackend(cacheFolder: folder)),
            try await Generator.load(package, backend: ReferenceBackend(threads: 1))
        )
    }

    private func tokens(_ generator: Generator, _ options: GenerationOptions) async throws -> [Int32] {
        var ids: [Int32] = []
        for try await token in generator.generate(prompt: "Once upon a time, the cat sat", options: options) {
            ids.append(token.id)
        }
        return ids
    }

    @Test(arguments: models, [1, 3]) func bothBackendsGenerateTheSame(model: String, spacing: Int) async throws {
        let (ours, reference) = try await both(model, spacing: spacing)
        // Logits are halves on their way out of Core ML: a draw between two tokens may fall to the other in a long text.
        let drawn = model.contains("tiny") ? [Sampler.Settings(temperature: 0.9, topK: 5, seed: 4)] : []
        for sampling in [Sampler.Settings()] + drawn {
            // Longer than the small models' caches, so that they rotate and begin again.
            let options = GenerationOptions(
                maximumTokens: 120, sampling: sampling, stopsAtEnd: false, contextPolicy: .slide(anchors: 1))
            #expect(try await tokens(ours, options) == tokens(reference, options))
        }
        #expect(StandIn.current.withLock { $0.loads.sorted() } == ["decode", "prefill"], "the others are not needed")
    }

    @Test(arguments: models) func bothBackendsScoreAndTellAllLogits(model: String) async throws {
        let (ours, reference) = try await both(model, spacing: 2)
        var found = Perplexity()
        var expected = Perplexity()
        try await ours.score("The cat sat on it", into: &found)
        try await reference.score("The cat sat on it", into: &expected)
        #expect(found.tokens == expected.tokens)
        // Logits are rounded to halves; log-probabilities are not.
        #expect(abs(found.total - expected.total) < 0.02 * Double(found.tokens))
        let text = ours.encode(prompt: "The cat sat")
        let logits = try await ours.startConversation().logits(after: text)
        let wanted = try await reference.startConversation().logits(after: text)
        #expect(logits.count == ours.package.manifest.architecture.vocab)
        #expect(zip(logits, wanted).allSatisfy { abs($0 - $1) <= 2e-3 * max(1, abs($1)) })
        #expect(Set(StandIn.current.withLock { $0.loads }) == Set(ours.package.manifest.functions.all))
    }

    @Test func operationsArePlacedByThePlan() async throws {
        StandIn.current.withLock { $0 = StandIn(devices: ["gather": .cpu(0), "softmax": .gpu(0)]) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("compiled-\(UUID().uuidString)")
        let package = try package("Tests/Fixtures/model/tiny")
        let first = try await CoreMLBackend(cacheFolder: folder).load(package, units: .all).placements
        for function in ["decode", "prefill"] {
            let placed = first.filter { $0.function == function }
            #expect(Set(placed.map(\.unit)) == [.neuralEngine, .cpu, .gpu])
            #expect(placed.first?.unit == .neuralEngine && placed.first?.names == [])
            #expect(placed.dropFirst().allSatisfy { $0.names.count == $0.count && $0.count > 0 })
        }
        // What was found is kept beside the compiled model.
        let again = try await CoreMLBackend(cacheFolder: folder).load(package, units: .all).placements
        #expect(again == first)
    }

    /// Functions that do not share a state are noticed when the model is loaded; prompts then go token by token.
    @Test(arguments: models) func statesThatAreNotSharedAreNoticed(model: String) async throws {
        let (ours, reference) = try await both(model, sharesStates: false)
        #expect(ours.model.notes.contains { $0.hasPrefix("prefill does not see the cache of decode") })
        let options = GenerationOptions(maximumTokens: 40, stopsAtEnd: false, contextPolicy: .slide(anchors: 0))
        #expect(try await tokens(ours, options) == tokens(reference, options))
        var found = Perplexity()
        let scored: Void? = try? await ours.score("The cat sat", into: &found)
        #expect((scored != nil) == (ours.package.manifest.topK == nil), "all logits are then another function's")
        let (shared, _) = try await both(model)
        #expect(!shared.model.notes.contains { $0.hasPrefix("prefill does not see") })
    }
}

extension ModelManifest.Functions {
    fileprivate var all: [String] { [prefill, decode] + [logits, score].compactMap { $0 } }
}
