import MLProgram

/// Which operation is compiled by what. A program with an operation that is not here is refused when it is loaded.
enum OperationTable {
    typealias Compile = (OpContext) throws -> Void

    static func entry(_ type: String) -> Compile? { entries[type] }

    /// Names of all operations that the executor knows, sorted.
    static var names: [String] { entries.keys.sorted() }

    private static var groups: [[String: Compile]] {
        [
            ConstantOperations.entries, StateOperations.entries, UnaryOperations.entries, ActivationOperations.entries,
            BinaryOperations.entries, SelectionOperations.entries, ProductOperations.entries, AttentionOperations.entries,
            ConvolutionOperations.entries, EinsumOperations.entries, NormalizationOperations.entries,
            ReductionOperations.entries,
            RankingOperations.entries, GatherOperations.entries, ScatterOperations.entries, SliceOperations.entries,
            JoinOperations.entries, ShapeOperations.entries, FillOperations.entries, QuantizationOperations.entries,
        ]
    }

    /// Built once; never changed, and the functions in it keep nothing.
    nonisolated(unsafe) private static let entries: [String: Compile] = groups.reduce(into: [:]) { all, group in
        all.merge(group) { _, _ in preconditionFailure("an operation is listed twice") }
    }
}
