import LanguageRuntime
import ModelManager
import Synchronization

/// A backend whose model has no network: the next token is a hash of exactly the tokens and positions that the slot map
/// lets the last token see, in the cache as the steps wrote it. A caller that misplaces a token, or lets a token see
/// what it should not, gets another continuation.
public struct FakeBackend: ModelBackend {
    public let name = "fake"
    /// Called in each load and before each call; what it throws, the model throws.
    public var onLoad: @Sendable () async throws -> Void = {}
    public var onStep: @Sendable (ModelStep) async throws -> Void = { _ in }
    /// What its models say of where they run.
    public var placements: [PlacedOperations] = []

    public init() {}

    public func load(_ package: ModelPackage, units: ComputeUnits) async throws -> any LoadedModel {
        try await onLoad()
        return FakeLoadedModel(package.manifest.architecture.vocab, package.manifest.context, placements, onStep)
    }
}

private final class FakeState: ModelState {
    let cache: Mutex<[Int32?]>
    init(capacity: Int) { cache = Mutex(Array(repeating: nil, count: capacity)) }
}

private final class FakeLoadedModel: LoadedModel {
    let notes: [String] = ["no network"]
    let placements: [PlacedOperations]
    private let vocabulary: Int
    private let capacity: Int
    private let onStep: @Sendable (ModelStep) async throws -> Void

    init(
        _ vocabulary: Int, _ capacity: Int, _ placements: [PlacedOperations],
        _ onStep: @escaping @Sendable (ModelStep) async throws -> Void
    ) {
        self.placements = placements
        self.vocabulary = vocabulary
        self.capacity = capacity
        self.onStep = onStep
    }

    func makeState() throws -> any ModelState { FakeState(capacity: capacity) }

    func logits(_ step: ModelStep, state: any ModelState) async throws -> [Float] {
        try await onStep(step)
        guard let state = state as? FakeState else { throw RuntimeError.backend("a state of another model") }
        guard step.slot + step.tokens.count <= capacity else { throw RuntimeError.backend("writes beyond the cache") }
        guard step.positions.count == step.tokens.count else { throw RuntimeError.backend("positions are missing") }
        let position = step.positions[step.lastIndex]
        let seen = state.cache.withLock { cache -> [(Int32, Int32)] in
            for (index, token) in step.tokens.enumerated() { cache[step.slot + index] = token }
            return (0..<capacity).compactMap { slot in
                guard step.slotPositions.sees(slot: slot, from: position), let held = step.slotPositions[slot] else {
                    return nil
                }
                return (held, cache[slot] ?? -1)
            }
        }
        return Self.logits(of: Self.hash(seen.sorted { $0.0 < $1.0 }.flatMap { [$0.0, $0.1] }), vocabulary)
    }

    func logProbabilities(_ step: ModelStep, targets: [Int32], state: any ModelState) async throws -> [Float]? { nil }

    /// FNV-1a.
    static func hash(_ words: [Int32]) -> UInt64 {
        words.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64(UInt32(bitPattern: $1))) &* 0x0000_0100_0000_01b3 }
    }

    static func logits(of hash: UInt64, _ vocabulary: Int) -> [Float] {
        var logits = [Float](repeating: -4, count: vocabulary)
        // Ids 0..<3 are the special tokens, which would end a text.
        logits[3 + Int(hash % UInt64(vocabulary - 3))] = 4
        return logits
    }
}

/// What `FakeBackend` continues `tokens` with when the token at position p sees the tokens (by position) that `sees`
/// admits: the definition, written without slots.
public func fakeContinuation(of tokens: [Int32], vocabulary: Int, sees: (_ held: Int, _ from: Int) -> Bool) -> Int32 {
    let last = tokens.count - 1
    let words = (0...last).filter { sees($0, last) }.flatMap { [Int32($0), tokens[$0]] }
    let hash = FakeLoadedModel.hash(words)
    return 3 + Int32(hash % UInt64(vocabulary - 3))
}
