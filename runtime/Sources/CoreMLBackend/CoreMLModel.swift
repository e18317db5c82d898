#if canImport(CoreML)
import CoreML
import Foundation
import LanguageRuntime
import ModelManager
import Synchronization

/// One function of a model. Core ML's models may be used from any thread; each state by one call at a time, which is
/// the caller's duty by `LoadedModel`.
final class LoadedFunction: @unchecked Sendable {
    let model: MLModel
    init(_ model: MLModel) { self.model = model }
}

/// Functions that only evaluation asks for. Each is loaded when it is first needed: a load costs time and memory that
/// generation should not be charged with.
actor OccasionalFunctions {
    private let load: @Sendable (String) async throws -> LoadedFunction
    private var loaded: [String: LoadedFunction] = [:]

    init(_ load: @escaping @Sendable (String) async throws -> LoadedFunction) { self.load = load }

    func function(_ name: String) async throws -> LoadedFunction {
        if let known = loaded[name] { return known }
        let made = try await load(name)
        loaded[name] = made
        return made
    }
}

/// Key-value cache, and the input arrays that are filled anew for each call.
final class CoreMLState: ModelState, @unchecked Sendable {
    let state: MLState
    private var inputs: [ModelStep.Function: StepInputs] = [:]

    init(_ state: MLState) { self.state = state }

    func inputs(for step: ModelStep, _ manifest: ModelManifest) throws -> StepInputs {
        if let kept = inputs[step.function] { return kept }
        let made = try StepInputs(
            tokens: step.tokens.count, capacity: manifest.context, localWindow: manifest.localWindow,
            hasTargets: step.function == .score)
        inputs[step.function] = made
        return made
    }
}

/// A model of the contract (docs/model-contract.md): token ids in, what may come next out.
final class CoreMLModel: LoadedModel {
    private let manifest: ModelManifest
    private let decode: LoadedFunction
    private let prefill: LoadedFunction
    private let others: OccasionalFunctions

    private struct Settled {
        var prefillSharesState = true
        var notes: [String] = []
        var placements: [PlacedOperations] = []
    }
    private let settled = Mutex(Settled())

    init(manifest: ModelManifest, decode: LoadedFunction, prefill: LoadedFunction, others: OccasionalFunctions) {
        self.manifest = manifest
        self.decode = decode
        self.prefill = prefill
        self.others = others
    }

    var notes: [String] { settled.withLock { $0.notes } }
    var placements: [PlacedOperations] { settled.withLock { $0.placements } }

    /// Takes over what was found out about the model.
    func settle(_ findings: Findings, notes: [String]) {
        settled.withLock { settled in
            settled.prefillSharesState = findings.prefillSharesState
            settled.notes = notes
            settled.placements = findings.placements
            if let placement = findings.placement { settled.notes.append("decode placed on \(placement)") }
            if !findings.prefillSharesState {
                settled.notes.append("prefill does not see the cache of decode: prompts are decoded token by token")
            }
        }
    }

    private var sharesState: Bool { settled.withLock { $0.prefillSharesState } }

    func makeState() throws -> any ModelState { CoreMLState(decode.model.makeState()) }

    func candidates(_ step: ModelStep, state: any ModelState) async throws -> Candidates {
        let hasRanking = manifest.topK != nil
        return try await advance(step, state) { result in
            guard hasRanking else { return .all(try result.array("logits").lastRow()) }
            return .ranked(
                ids: try result.array("top_ids").integers(), logits: try result.array("top_logits").lastRow())
        }
    }

    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        guard manifest.topK != nil else { return try await advance(step, state) { try $0.array("logits").lastRow() } }
        guard let name = manifest.functions.logits, sharesState else {
            throw RuntimeError.incompatibleModel(
                manifest.functions.logits == nil
                    ? "it gives the most likely tokens and has no function for the logits of all"
                    : "on this device its functions do not share a cache, so the logits of all tokens cannot be had")
        }
        // The chunk fills the cache; its last token is computed once more, for its logits.
        var alone = step
        if step.function == .prefill {
            try await run(prefill, step, state) { _ in }
            alone = step.single(step.lastIndex)
        }
        return try await run(others.function(name), alone, state) { try $0.array("logits").lastRow() }
    }

    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? {
        guard let name = manifest.functions.score, sharesState else { return nil }
        return try await run(others.function(name), step, state, targets: targets) {
            try $0.array("log_probs").lastRow()
        }
    }

    /// Runs a step of generation and reads its results. Where prefill does not see the cache that decode writes, a chunk
    /// goes token by token.
    private func advance<Result: Sendable>(
        _ step: ModelStep, _ state: any ModelState, read: (any MLFeatureProvider) throws -> Result
    ) async throws -> Result {
        guard step.function == .prefill else { return try await run(decode, step, state, read: read) }
        guard !sharesState else { return try await run(prefill, step, state, read: read) }
        return try await decodeOneByOne(step, state, read: read)
    }

    private func decodeOneByOne<Result: Sendable>(
        _ step: ModelStep, _ state: any ModelState, read: (any MLFeatureProvider) throws -> Result
    ) async throws -> Result {
        for index in 0..<step.lastIndex { try await run(decode, step.single(index), state) { _ in } }
        return try await run(decode, step.single(step.lastIndex), state, read: read)
    }

    private func run<Result: Sendable>(
        _ function: LoadedFunction, _ step: ModelStep, _ state: any ModelState, targets: [Int32]? = nil,
        read: (any MLFeatureProvider) throws -> Result
    ) async throws -> Result {
        guard let state = state as? CoreMLState else { throw RuntimeError.backend("a state of another backend") }
        let inputs = try state.inputs(for: step, manifest)
        try inputs.fill(step, targets: targets)
        // Core ML computes every output of a function, whatever is read: what need not be computed is another function's.
        return try read(
            await function.model.prediction(from: inputs.provider, using: state.state, options: MLPredictionOptions()))
    }

    /// Whether a token that prefill wrote is seen by decode: what comes after both must be, nearly, what comes after two
    /// decodes. A cache that was not shared changes it altogether.
    func prefillSharesState() async throws -> Bool {
        let shape = ContextShape(manifest)
        guard shape.chunk > 1 else { return true }
        let last = Int32(manifest.architecture.vocab - 1)
        let text: [Int32] = [1, last / 2, last / 3, last / 5].map { max(0, min($0, last)) }
        let decoded = try await run(text, byDecoding: true, shape)
        guard let prefilled = try? await run(text, byDecoding: false, shape) else { return false }
        return decoded.agrees(with: prefilled)
    }

    /// What comes after all of `text`: its beginning fed by prefill or token by token, its last token by decode.
    private func run(_ text: [Int32], byDecoding: Bool, _ shape: ContextShape) async throws -> Candidates {
        let state = try makeState()
        var window = ContextWindow(shape)
        var beginning = text.dropLast()
        while !beginning.isEmpty {
            let step = window.step(&beginning)
            if byDecoding, step.function == .prefill {
                try await decodeOneByOne(step, state) { _ in }
            } else {
                _ = try await candidates(step, state: state)
            }
        }
        var end = text.suffix(1)
        return try await candidates(window.step(&end), state: state)
    }
}

extension MLFeatureProvider {
    /// An output by its name.
    fileprivate func array(_ output: String) throws -> MLMultiArray {
        guard let array = featureValue(for: output)?.multiArrayValue else {
            throw RuntimeError.backend("the model has no output \(output)")
        }
        return array
    }
}
#endif
