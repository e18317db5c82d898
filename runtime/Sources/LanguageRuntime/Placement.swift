/// Operations of one function of a model that the system means to run on one unit. Which units may be used is only a
/// wish, and a fallback is silent (MLComputePlan, developer.apple.com/documentation/coreml/mlcomputeplan).
public struct PlacedOperations: Sendable, Equatable, Codable {
    public enum Unit: String, Sendable, Codable, CaseIterable {
        case neuralEngine = "neural_engine"
        case gpu
        case cpu
        /// A unit that this runtime does not know the name of.
        case other
    }

    /// "decode", "prefill".
    public var function: String
    public var unit: Unit
    public var count: Int
    /// Names of the operations' first outputs. Empty for the unit that has the most of the function's operations: it has
    /// all that are not named elsewhere.
    public var names: [String]

    public init(function: String, unit: Unit, count: Int, names: [String] = []) {
        self.function = function
        self.unit = unit
        self.count = count
        self.names = names
    }
}

/// Counts one function's operations by unit, with their share of the cost where the system estimates it.
public struct PlacementTally: Sendable {
    private struct Share {
        var names: [String] = []
        var cost = 0.0
    }
    private let function: String
    private var shares: [PlacedOperations.Unit: Share] = [:]

    public init(function: String) { self.function = function }

    /// `cost` is the operation's share of the whole function's, in any unit; 0 where it is not known.
    public mutating func add(_ operation: String, on unit: PlacedOperations.Unit, cost: Double = 0) {
        shares[unit, default: Share()].names.append(operation)
        shares[unit, default: Share()].cost += cost
    }

    /// Units by number of operations, most first.
    private var ranked: [(unit: PlacedOperations.Unit, share: Share)] {
        shares.map { ($0.key, $0.value) }.sorted {
            ($1.1.names.count, $0.0.rawValue) < ($0.1.names.count, $1.0.rawValue)
        }
    }

    public var placements: [PlacedOperations] {
        ranked.enumerated().map { place, entry in
            PlacedOperations(
                function: function, unit: entry.unit, count: entry.share.names.count,
                names: place == 0 ? [] : entry.share.names.sorted())
        }
    }

    /// "neural engine 120 (97 % of the cost), CPU 3 (3 %)"; nil when nothing was counted.
    public var summary: String? {
        let total = shares.values.reduce(0) { $0 + $1.cost }
        let parts = ranked.map { unit, share in
            guard total > 0 else { return "\(unit.title) \(share.names.count)" }
            return "\(unit.title) \(share.names.count) (\(Int((share.cost / total * 100).rounded())) % of the cost)"
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

extension PlacedOperations.Unit {
    fileprivate var title: String {
        switch self {
        case .neuralEngine: "neural engine"
        case .gpu: "GPU"
        case .cpu: "CPU"
        case .other: "another unit"
        }
    }
}
