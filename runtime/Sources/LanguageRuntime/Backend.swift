import ModelManager

/// What a model is to the runtime: functions that map token ids to what may come next, with a state that lives between
/// calls.
///
/// Core ML implements it on Apple platforms; the reference executor stands in for it elsewhere. The interface is the
/// model contract (docs/model-contract.md), so a later framework can be added beside them without touching the runtime.
public protocol ModelBackend: Sendable {
    /// "coreml" or "reference": written into every result.
    var name: String { get }
    /// Loads the package. `units` is a preference; backends that cannot honour it say so in `LoadedModel.notes`.
    func load(_ package: ModelPackage, units: ComputeUnits) async throws -> any LoadedModel
}

/// A model ready to run. One caller at a time uses it together with one state.
public protocol LoadedModel: Sendable {
    /// Remarks on how it was loaded (placement, fallbacks), for the record.
    var notes: [String] { get }
    /// Where the operations of its functions are to run; empty where the backend does not know.
    var placements: [PlacedOperations] { get }
    /// A new state, all zeros.
    func makeState() throws -> any ModelState
    /// Runs `step` on `state` and returns what may follow the token at `step.lastIndex`, as far as the model's outputs
    /// tell.
    func candidates(_ step: ModelStep, state: any ModelState) async throws -> Candidates
    /// Runs `step` on `state` and returns the logits of the token at `step.lastIndex`, V values. A model whose steps give
    /// only the most likely tokens needs a call more for it.
    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float]
    /// log P(target_i | tokens up to i) for each token of the chunk, where the model has a score function.
    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]?
}

extension LoadedModel {
    /// Empty: nothing is known of placement unless the backend says so.
    public var placements: [PlacedOperations] { [] }

    /// For models whose steps give the logits of all tokens.
    public func candidates(_ step: ModelStep, state: any ModelState) async throws -> Candidates {
        .all(try await logits(step, state: state))
    }
}

/// Key-value cache and whatever else a model keeps between calls.
public protocol ModelState: AnyObject, Sendable {}

/// One call of a function. `tokens.count` is the chunk of the function: 1 for decode, `prefill_chunk` for prefill.
public struct ModelStep: Sendable, Equatable {
    public enum Function: Sendable, Equatable { case prefill, decode, score }
    public var function: Function
    /// Token ids, padded to the function's chunk.
    public var tokens: [Int32]
    /// How many of `tokens` are not padding.
    public var count: Int
    /// How many of them, from the first on, were fed before and are fed again to the same slots.
    public var repeated: Int
    /// Absolute position of each token.
    public var positions: [Int32]
    /// Cache slot of the first token.
    public var slot: Int
    /// For each cache slot, the absolute position that it holds after this step; nil where it holds nothing.
    /// A token at position p sees the slots with positions in (p - window, p].
    public var slotPositions: SlotMap
    /// Which token's logits are wanted.
    public var lastIndex: Int

    public init(
        function: Function, tokens: [Int32], count: Int, repeated: Int = 0, positions: [Int32], slot: Int,
        slotPositions: SlotMap, lastIndex: Int
    ) {
        self.function = function
        self.tokens = tokens
        self.count = count
        self.repeated = repeated
        self.positions = positions
        self.slot = slot
        self.slotPositions = slotPositions
        self.lastIndex = lastIndex
    }

    /// Token `index` by itself, as a decode step. The map is that after the whole step: positions that the token may not
    /// see yet are later than its own, so masks hide them, and slots of padding are vacant.
    package func single(_ index: Int) -> ModelStep {
        ModelStep(
            function: .decode, tokens: [tokens[index]], count: 1, positions: [positions[index]], slot: slot + index,
            slotPositions: slotPositions, lastIndex: 0)
    }
}

/// `MLComputeUnits` by the names that the harness uses.
public enum ComputeUnits: String, Sendable, Codable, CaseIterable {
    case all
    case cpuOnly = "cpu_only"
    case cpuAndGPU = "cpu_and_gpu"
    case cpuAndNeuralEngine = "cpu_and_neural_engine"
}
