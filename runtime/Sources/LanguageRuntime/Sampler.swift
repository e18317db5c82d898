#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Chooses the next token from logits. A value with its own random numbers: the same seed and logits give the same
/// tokens on every platform.
public struct Sampler: Sendable {
    /// How tokens are chosen.
    public struct Settings: Sendable, Hashable {
        /// 0 takes the most likely token.
        public var temperature: Double
        /// How many of the most likely tokens are drawn from; nil: all.
        public var topK: Int?
        public var seed: UInt64

        public init(temperature: Double = 0, topK: Int? = nil, seed: UInt64 = 0) {
            self.temperature = temperature
            self.topK = topK
            self.seed = seed
        }

        /// How many of the most likely tokens a choice needs; nil: all.
        public var candidates: Int? { temperature > 0 ? topK : 1 }
    }

    public let settings: Settings
    private var random: SplitMix64

    public init(_ settings: Settings) {
        self.settings = settings
        random = SplitMix64(state: settings.seed)
    }

    /// The next token; nil when the logits have no finite value or a NaN, which means that the model went wrong. The same
    /// seed gives the same token, whether a model tells all logits or enough of the largest.
    public mutating func next(_ candidates: Candidates) -> Int32? {
        switch candidates {
        case .all(let logits): return next(logits)
        case .top(let kept):
            guard let best = kept.first, best.logit.isFinite, !kept.contains(where: \.logit.isNaN) else { return nil }
            guard settings.temperature > 0, settings.topK != 1 else { return best.id }
            return draw(kept.prefix(settings.topK ?? kept.count), best: best)
        }
    }

    /// The same for the logits of all tokens.
    public mutating func next(_ logits: [Float]) -> Int32? {
        guard let best = Self.greatest(logits) else { return nil }
        guard settings.temperature > 0, settings.topK != 1 else { return Int32(best) }
        let kept = settings.topK.map { Self.largest($0, of: logits) } ?? Array(logits.indices)
        let candidates = kept.map { Candidate(id: Int32($0), logit: logits[$0]) }
        return draw(candidates[...], best: Candidate(id: Int32(best), logit: logits[best]))
    }

    /// Draws one of `kept` by the softmax of their logits.
    private mutating func draw(_ kept: ArraySlice<Candidate>, best: Candidate) -> Int32 {
        let scale = 1 / settings.temperature
        let top = Double(best.logit)
        // Subtracting the maximum keeps every exponent at or below zero.
        let weights = kept.map { exp((Double($0.logit) - top) * scale) }
        var rest = random.nextUnit() * weights.reduce(0, +)
        for (candidate, weight) in zip(kept, weights) {
            rest -= weight
            if rest < 0 { return candidate.id }
        }
        return best.id  // rounding left a crumb beyond the last weight
    }

    /// Index of the largest logit, the first of equals.
    public static func greatest(_ logits: [Float]) -> Int? {
        var best = -1
        var value = -Float.infinity
        for (index, logit) in logits.enumerated() {
            if logit.isNaN { return nil }
            if logit > value { (best, value) = (index, logit) }
        }
        return best >= 0 && value.isFinite ? best : nil
    }

    /// Indices of the `count` largest, in descending order of logit and ascending order of index among equals.
    static func largest(_ count: Int, of logits: [Float]) -> [Int] {
        guard count > 0 else { return [] }
        func precedes(_ a: Int, _ b: Int) -> Bool { logits[a] != logits[b] ? logits[a] > logits[b] : a < b }
        // Kept sorted; for the usual 40 or so a shift is cheaper than a heap, and most logits fail the first test.
        var kept: [Int] = []
        kept.reserveCapacity(count + 1)
        for index in logits.indices {
            if kept.count == count, !precedes(index, kept[count - 1]) { continue }
            var low = 0
            var high = kept.count
            while low < high {
                let middle = (low + high) / 2
                if precedes(kept[middle], index) { low = middle + 1 } else { high = middle }
            }
            kept.insert(index, at: low)
            if kept.count > count { kept.removeLast() }
        }
        return kept
    }
}

/// Sebastiano Vigna's SplitMix64 (public domain): one word of state, passes BigCrush.
struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), from the top 53 bits.
    mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
