import ModelManager

/// The lengths that a model's context is made of, in tokens.
public struct ContextShape: Sendable, Hashable {
    /// Slots of the cache, C.
    public var capacity: Int
    /// Tokens that a prefill call takes.
    public var chunk: Int
    /// Absolute positions that the model can be given.
    public var positions: Int

    public init(capacity: Int, chunk: Int, positions: Int) {
        self.capacity = capacity
        self.chunk = chunk
        self.positions = positions
    }

    public init(_ manifest: ModelManifest) {
        self.init(
            capacity: manifest.context, chunk: manifest.prefillChunk, positions: manifest.positions ?? manifest.context)
    }
}

/// What happens when text outgrows the context.
public enum ContextPolicy: Sendable, Hashable {
    /// Generation ends.
    case stop
    /// The oldest tokens are forgotten, but for the first `anchors`. Slots are reused in rotation while the model has
    /// positions left; then the newest half is computed again from position 0.
    case slide(anchors: Int)
}

/// Where each token goes: a pure value that turns tokens into the model's calls. It has no model, clock or task.
///
/// A step overwrites its whole chunk of slots, padding included. In rotation those slots held positions up to
/// `chunk - 1` beyond what decoding one token would overwrite, so tokens see that much less than the whole cache: what
/// a token sees then depends on its position alone, never on how the text was cut into chunks.
///
/// A chunk never crosses the end of the cache. Where less than a chunk is left before it, the chunk begins so much
/// earlier: the tokens there are computed again, to what they were, in the time of one call instead of one call a token.
public struct ContextWindow: Sendable {
    public let shape: ContextShape
    public let policy: ContextPolicy
    /// Position of the next token: how many tokens stand in the text that the cache speaks of.
    public private(set) var position = 0
    private var slots: SlotMap
    /// The tokens by position, for computing them again.
    private var history: [Int32] = []

    public init(_ shape: ContextShape, policy: ContextPolicy = .stop) {
        self.shape = shape
        self.policy = policy
        slots = Self.emptySlots(shape, policy)
    }

    private static func emptySlots(_ shape: ContextShape, _ policy: ContextPolicy) -> SlotMap {
        guard case .slide(let anchors) = policy else {
            return SlotMap(capacity: shape.capacity, window: shape.capacity)
        }
        let ring = shape.capacity - anchors
        return SlotMap(capacity: shape.capacity, window: max(1, ring - shape.chunk + 1), anchors: anchors)
    }

    /// Longest text that can be fed without forgetting any of it.
    public var limit: Int { min(shape.capacity, shape.positions) }

    /// Whether one more token can be taken.
    public var hasRoom: Bool { policy != .stop || position < limit }

    /// Takes tokens off the front of `pending` and returns the call that feeds them.
    ///
    /// - Precondition: `pending` is not empty and `hasRoom`.
    public mutating func step(_ pending: inout ArraySlice<Int32>) -> ModelStep {
        if position >= shape.positions { startOver(&pending) }
        let slot = slot(of: position)
        let room = min(shape.capacity - slot, shape.positions - position)
        let repeated = max(0, slot + shape.chunk - shape.capacity)
        var count = min(pending.count, shape.chunk, room)
        if repeated > slot - firstMovable { count = 1 }
        let taken = Array(pending.prefix(count))
        pending = pending.dropFirst(count)
        return count > 1 || shape.chunk == 1 ? chunkStep(taken, slot, repeated) : decodeStep(taken[0], slot)
    }

    /// The first slot that a chunk may begin at in the present round: those before it hold anchors, which stay.
    private var firstMovable: Int {
        guard case .slide(let anchors) = policy, position >= shape.capacity else { return 0 }
        return anchors
    }

    private mutating func decodeStep(_ token: Int32, _ slot: Int) -> ModelStep {
        let at = Int32(position)
        slots[slot] = at
        record([token])
        return ModelStep(
            function: .decode, tokens: [token], count: 1, positions: [at], slot: slot, slotPositions: slots,
            lastIndex: 0)
    }

    private mutating func chunkStep(_ taken: [Int32], _ slot: Int, _ repeated: Int) -> ModelStep {
        let first = slot - repeated
        let tokens = history.suffix(repeated) + taken
        let padding = shape.chunk - tokens.count
        var positions = (0..<tokens.count).map { Int32(position - repeated + $0) }
        for index in 0..<shape.chunk { slots[first + index] = index < tokens.count ? positions[index] : nil }
        positions += [Int32](repeating: positions[tokens.count - 1], count: padding)
        record(taken)
        return ModelStep(
            function: .prefill, tokens: tokens + [Int32](repeating: 0, count: padding), count: tokens.count,
            repeated: repeated, positions: positions, slot: first, slotPositions: slots, lastIndex: tokens.count - 1)
    }

    private mutating func record(_ taken: [Int32]) {
        position += taken.count
        history += taken
    }

    /// Slots 0..<C in order, then those after the anchors again and again.
    private func slot(of position: Int) -> Int {
        guard position >= shape.capacity, case .slide(let anchors) = policy else { return position }
        return anchors + (position - anchors) % (shape.capacity - anchors)
    }

    /// Begins again at position 0 with the anchors and the newest half of the cache before `pending`.
    private mutating func startOver(_ pending: inout ArraySlice<Int32>) {
        guard case .slide(let anchors) = policy else { preconditionFailure("no position left and no policy to slide") }
        let kept = history.prefix(anchors) + history.dropFirst(anchors).suffix(max(0, limit / 2 - anchors))
        pending = (kept + pending)[...]
        position = 0
        history = []
        slots = Self.emptySlots(shape, policy)
    }
}
