#if canImport(CoreML)
import CoreML
import Foundation
import ModelManager
import Runtime
import Synchronization

/// One function of a model. Core ML's models may be used from any thread; each state by one call at a time, which is
/// the caller's duty by `LoadedModel`.
final class LoadedFunction: @unchecked Sendable {
    let model: MLModel
    init(_ model: MLModel) { self.model = model }
}

/// Key-value cache, and the input arrays that are filled anew for each call.
final class CoreMLState: ModelState, @unchecked Sendable {
    let state: MLState
    private var inputs: [ModelStep.Function: StepInputs] = [:]

    init(_ state: MLState) { self.state = state }

    func inputs(for step: ModelStep, capacity: Int) throws -> StepInputs {
        if let kept = inputs[step.function] { return kept }
        let made = try StepInputs(tokens: step.tokens.count, capacity: capacity, hasTargets: step.function == .score)
        inputs[step.function] = made
        return made
    }
}

/// A model of the contract (docs/model-contract.md): token ids in, logits out.
final class CoreMLModel: LoadedModel {
    private let manifest: ModelManifest
    private let decode: LoadedFunction
    private let prefill: LoadedFunction
    private let score: LoadedFunction?

    private struct Settled {
        var prefillSharesState = true
        var notes: [String] = []
    }
    private let settled = Mutex(Settled())

    init(manifest: ModelManifest, decode: LoadedFunction, prefill: LoadedFunction, score: LoadedFunction?) {
        self.manifest = manifest
        self.decode = decode
        self.prefill = prefill
        self.score = score
    }

    var notes: [String] { settled.withLock { $0.notes } }

    /// Takes over what was found out about the model.
    func settle(_ findings: Findings, notes: [String]) {
        settled.withLock { settled in
            settled.prefillSharesState = findings.prefillSharesState
            settled.notes = notes
            if let placement = findings.placement { settled.notes.append("decode placed on \(placement)") }
            if !findings.prefillSharesState {
                settled.notes.append("prefill does not see the cache of decode: prompts are decoded token by token")
            }
        }
    }

    func makeState() throws -> any ModelState { CoreMLState(decode.model.makeState()) }

    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        if step.function == .prefill, !settled.withLock({ $0.prefillSharesState }) {
            return try await logitsByDecoding(step, state: state)
        }
        return try await values("logits", step, state: state, targets: nil)
    }

    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? {
        guard score != nil else { return nil }
        return try await values("log_probs", step, state: state, targets: targets)
    }

    private func values(
        _ output: String, _ step: ModelStep, state: any ModelState, targets: [Int32]?
    ) async throws -> [Float] {
        guard let state = state as? CoreMLState else { throw RuntimeError.backend("a state of another backend") }
        let inputs = try state.inputs(for: step, capacity: manifest.context)
        try inputs.fill(step, targets: targets)
        let function: LoadedFunction
        switch step.function {
        case .decode: function = decode
        case .prefill: function = prefill
        case .score:
            guard let score else { throw RuntimeError.backend("the model has no score function") }
            function = score
        }
        let result = try await function.model.prediction(
            from: inputs.provider, using: state.state, options: MLPredictionOptions())
        guard let array = result.featureValue(for: output)?.multiArrayValue else {
            throw RuntimeError.backend("the model has no output \(output)")
        }
        return try array.lastRow()
    }

    /// A chunk token by token. The map that comes with the step is that after the whole chunk: positions that a token
    /// may not see yet are later than its own, so the mask hides them; slots of padding are vacant.
    private func logitsByDecoding(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        var logits: [Float] = []
        for index in 0...step.lastIndex {
            let single = ModelStep(
                function: .decode, tokens: [step.tokens[index]], count: 1, positions: [step.positions[index]],
                slot: step.slot + index, slotPositions: step.slotPositions, lastIndex: 0)
            logits = try await values("logits", single, state: state, targets: nil)
        }
        return logits
    }

    /// Whether a token that prefill wrote is seen by decode: the logits after both must be, nearly, those after two
    /// decodes. Arithmetic differs between devices by less than 5 % of the logits' range; a cache that was not shared
    /// changes them altogether.
    func prefillSharesState() async throws -> Bool {
        let shape = ContextShape(manifest)
        guard shape.chunk > 1 else { return true }
        let last = Int32(manifest.architecture.vocab - 1)
        let text: [Int32] = [1, last / 2, last / 3, last / 5].map { max(0, min($0, last)) }
        let decoded = try await run(text, byDecoding: true, shape)
        guard let prefilled = try? await run(text, byDecoding: false, shape) else { return false }
        guard let low = decoded.min(), let high = decoded.max(), prefilled.count == decoded.count else { return false }
        let difference = zip(decoded, prefilled).map { abs($0 - $1) }.max() ?? 0
        return difference <= 0.05 * max(high - low, .leastNormalMagnitude)
    }

    /// Logits after all of `text`: its beginning fed by prefill or token by token, its last token by decode.
    private func run(_ text: [Int32], byDecoding: Bool, _ shape: ContextShape) async throws -> [Float] {
        let state = try makeState()
        var window = ContextWindow(shape)
        var beginning = text.dropLast()
        while !beginning.isEmpty {
            let step = window.step(&beginning)
            if byDecoding, step.function == .prefill {
                _ = try await logitsByDecoding(step, state: state)
            } else {
                _ = try await values("logits", step, state: state, targets: nil)
            }
        }
        var end = text.suffix(1)
        return try await values("logits", window.step(&end), state: state, targets: nil)
    }
}
#endif
