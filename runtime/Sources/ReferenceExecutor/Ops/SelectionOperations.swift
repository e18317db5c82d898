import MLProgram

/// select and band_part: results made of elements picked by a condition or by place.
enum SelectionOperations {
    static var entries: [String: OperationTable.Compile] {
        ["select": select, "band_part": bandPart]
    }

    private static func select(_ op: OpContext) throws {
        let condition = try op.operand("cond")
        let a = try op.operand("a")
        let b = try op.operand("b")
        guard condition.kind == .int, a.kind == b.kind else {
            throw ProgramError(.invalid, "a \(condition.dataType) condition between \(a.dataType) and \(b.dataType)")
        }
        guard let both = Shapes.broadcast(a.shape, b.shape), let shape = Shapes.broadcast(condition.shape, both) else {
            throw ProgramError(.invalid, "shapes \(condition.shape), \(a.shape) and \(b.shape) do not broadcast")
        }
        let y = try op.output(shape: shape, kind: a.kind)
        let strides = [condition.shape, a.shape, b.shape].map { Shapes.broadcastStrides($0, to: shape) }
        let own = Shapes.strides(shape)
        let plain = [condition, a, b].allSatisfy { $0.shape == shape }
        try op.emit {
            for i in 0..<y.count {
                var at = (i, i, i)
                if !plain {
                    at = (0, 0, 0)
                    var rest = i
                    for axis in own.indices {
                        let index = rest / own[axis]
                        rest -= index * own[axis]
                        at.0 += index * strides[0][axis]
                        at.1 += index * strides[1][axis]
                        at.2 += index * strides[2][axis]
                    }
                }
                y.words[i] = condition.ints[at.0] != 0 ? a.words[at.1] : b.words[at.2]
            }
        }
    }

    /// Keeps the elements of the last two axes within `lower` diagonals below and `upper` above the main one; a negative
    /// number keeps all on that side. Others become 0.
    private static func bandPart(_ op: OpContext) throws {
        let x = try op.operand("x")
        guard x.rank >= 2 else { throw ProgramError(.invalid, "needs rank 2 or more") }
        let lower = try op.int("lower", default: -1)
        let upper = try op.int("upper", default: -1)
        let y = try op.output(shape: x.shape, kind: x.kind)
        let rows = x.shape[x.rank - 2]
        let cols = x.shape[x.rank - 1]
        try op.emit {
            for i in 0..<x.count {
                let (row, col) = (i / cols % rows, i % cols)
                let kept = (lower < 0 || row - col <= lower) && (upper < 0 || col - row <= upper)
                y.words[i] = kept ? x.words[i] : 0
            }
        }
    }
}
