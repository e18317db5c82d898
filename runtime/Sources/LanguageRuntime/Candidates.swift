/// What a model says may come next.
public enum Candidates: Sendable, Equatable {
    /// The logit of every token of the vocabulary, by id.
    case all([Float])
    /// The most likely tokens only, from the largest logit down; the lower id first of equals.
    case top([Candidate])

    /// The most likely tokens as a program gives them. Its order among equals depends on the compute unit; this one does
    /// not.
    public static func ranked(ids: [Int32], logits: [Float]) -> Candidates {
        let pairs = zip(ids, logits).map { Candidate(id: $0, logit: $1) }
        return .top(pairs.sorted { $0.logit != $1.logit ? $0.logit > $1.logit : $0.id < $1.id })
    }

    /// Whether two say nearly the same: most tokens that one gives the other gives too, and their logits differ by no more
    /// than a twentieth of the range. Arithmetic differs between compute units by less, another text by far more.
    package func agrees(with other: Candidates) -> Bool {
        let (ours, theirs) = (byID, other.byID)
        let differences = ours.compactMap { id, logit in theirs[id].map { abs(logit - $0) } }
        guard differences.count * 2 > max(ours.count, theirs.count), let low = ours.values.min(), let high = ours.values.max()
        else { return false }
        // One candidate has no range; its own size stands in for it.
        let range = ours.count > 1 ? high - low : abs(high)
        return (differences.max() ?? .infinity) <= 0.05 * max(range, .leastNormalMagnitude)
    }

    private var byID: [Int32: Float] {
        switch self {
        case .all(let logits): Dictionary(uniqueKeysWithValues: logits.enumerated().map { (Int32($0.offset), $0.element) })
        case .top(let kept): Dictionary(kept.map { ($0.id, $0.logit) }, uniquingKeysWith: { first, _ in first })
        }
    }
}

/// A token that may come next.
public struct Candidate: Sendable, Equatable {
    public var id: Int32
    public var logit: Float

    public init(id: Int32, logit: Float) {
        self.id = id
        self.logit = logit
    }
}
