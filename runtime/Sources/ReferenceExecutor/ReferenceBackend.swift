import LanguageRuntime
import MLProgram
import ModelManager

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The reference executor as a backend of the runtime.
///
/// Compute units are a matter of Core ML: whatever is asked for, this runs on the CPU and says so in the notes.
public struct ReferenceBackend: ModelBackend {
    public let name = "reference"
    private let numerics: Numerics
    private let threads: Int?

    /// - Parameter threads: how many to use; nil uses one per core.
    public init(numerics: Numerics = .float32, threads: Int? = nil) {
        self.numerics = numerics
        self.threads = threads
    }

    /// Reads and compiles the package's functions. Throws `ProgramError`.
    public func load(_ package: ModelPackage, units: ComputeUnits) async throws -> any LoadedModel {
        try ReferenceLoadedModel(package, units: units, numerics: numerics, threads: threads)
    }
}

/// A state of the reference executor behind the runtime's protocol.
final class ReferenceModelState: ModelState {
    let state: ReferenceState

    init(_ state: ReferenceState) { self.state = state }
}

/// A model of the contract (docs/model-contract.md): token ids in, logits out.
final class ReferenceLoadedModel: LoadedModel {
    let notes: [String]
    let placements: [PlacedOperations]
    private let model: ReferenceModel
    private let manifest: ModelManifest
    /// What hides a cache slot: the contract's value, which fp16 holds exactly enough.
    private static let hidden: Float = -10000

    init(_ package: ModelPackage, units: ComputeUnits, numerics: Numerics, threads: Int?) throws {
        manifest = package.manifest
        let program = try ProgramPackage(path: package.program.path)
        // The others are for evaluation: they are compiled when they are first asked for, if ever.
        let names = Set([manifest.functions.prefill, manifest.functions.decode])
        model = try ReferenceModel(program, functions: names.sorted(), numerics: numerics, threads: threads)
        var notes = ["reference executor on the CPU, \(model.threads) threads, \(numerics.rawValue) arithmetic"]
        if units != .cpuOnly { notes.append("compute units \(units.rawValue) were asked for; only the CPU is used") }
        self.notes = notes
        let functions = manifest.functions
        let compiled = model
        placements = [("decode", functions.decode), ("prefill", functions.prefill)].compactMap { role, name in
            compiled.operationCount(of: name).map { PlacedOperations(function: role, unit: .cpu, count: $0) }
        }
    }

    func makeState() throws -> any ModelState { ReferenceModelState(model.makeState()) }

    func candidates(_ step: ModelStep, state: any ModelState) async throws -> Candidates {
        guard manifest.topK != nil else { return .all(try await logits(step, state: state)) }
        let name = try generating(step)
        let results = try run(name, step, state)
        guard let ids = results["top_ids"]?.ints, let logits = results["top_logits"]?.floats, ids.count == logits.count else {
            throw ProgramError(.invalid, operation: name, "has no outputs top_ids and top_logits of one length")
        }
        return .ranked(ids: ids, logits: logits)
    }

    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        let name = try generating(step)
        guard manifest.topK != nil else { return try logits(of: name, step, state) }
        guard let all = manifest.functions.logits else {
            throw RuntimeError.incompatibleModel("it gives the most likely tokens and has no function for the logits of all")
        }
        // The chunk fills the cache; its last token is computed once more, for its logits.
        if step.function == .prefill { _ = try run(name, step, state) }
        return try logits(of: all, step.function == .prefill ? step.single(step.lastIndex) : step, state)
    }

    private func generating(_ step: ModelStep) throws -> String {
        switch step.function {
        case .prefill: manifest.functions.prefill
        case .decode: manifest.functions.decode
        case .score: throw ProgramError(.badInput, "a scoring step has log probabilities, not logits")
        }
    }

    private func logits(of name: String, _ step: ModelStep, _ state: any ModelState) throws -> [Float] {
        guard let logits = try run(name, step, state)["logits"]?.floats else {
            throw ProgramError(.invalid, operation: name, "has no float output logits")
        }
        return logits
    }

    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? {
        guard let name = manifest.functions.score else { return nil }
        let extra = ["target_ids": Tensor(targets, shape: [1, targets.count])]
        guard let values = try run(name, step, state, extra: extra)["log_probs"]?.floats else {
            throw ProgramError(.invalid, operation: name, "has no float output log_probs")
        }
        return values
    }

    private func run(
        _ name: String, _ step: ModelStep, _ state: any ModelState, extra: [String: Tensor] = [:]
    ) throws -> [String: Tensor] {
        guard let state = state as? ReferenceModelState else { throw ProgramError(.badInput, "a state of another backend") }
        let count = step.tokens.count
        guard step.positions.count == count, step.slot >= 0, step.slot + count <= step.slotPositions.capacity,
            (0..<count).contains(step.lastIndex)
        else {
            throw ProgramError(
                .badInput, operation: name,
                "\(count) tokens with \(step.positions.count) positions at slot \(step.slot) of \(step.slotPositions.capacity)")
        }
        var inputs = extra
        inputs["input_ids"] = Tensor(step.tokens, shape: [1, count])
        inputs["position_ids"] = Tensor(step.positions, shape: [count])
        inputs["cache_slot"] = Tensor([Int32(step.slot)], shape: [1])
        inputs["causal_mask"] = mask(step, within: nil)
        if let window = manifest.localWindow { inputs["local_mask"] = mask(step, within: window) }
        inputs["last_index"] = Tensor([Int32(step.lastIndex)], shape: [1])
        // A score function computes all positions and may leave this one out.
        inputs = inputs.filter { model.inputShape($0.key, of: name) != nil }
        return try model.run(name, inputs, state: state.state)
    }

    private func mask(_ step: ModelStep, within window: Int?) -> Tensor {
        let capacity = step.slotPositions.capacity
        let count = step.tokens.count
        var values = [Float](repeating: 0, count: count * capacity)
        values.withUnsafeMutableBufferPointer { buffer in
            for row in 0..<count {
                let line = UnsafeMutableBufferPointer(rebasing: buffer[row * capacity..<(row + 1) * capacity])
                step.slotPositions.writeMask(
                    from: step.positions[row], within: window, visible: 0, hidden: Self.hidden, into: line)
            }
        }
        return Tensor(values, shape: [1, 1, count, capacity], dataType: .float16)
    }
}
