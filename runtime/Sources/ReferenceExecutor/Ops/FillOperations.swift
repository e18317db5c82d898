import MLProgram

/// Tensors made from a few numbers: range_1d, fill, fill_like, one_hot.
enum FillOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "range_1d": range, "fill": fill, "fill_like": fill, "one_hot": oneHot,
        ]
    }

    /// start, start + step, … up to end. The length is the declared one; values known only at run time must agree with it.
    private static func range(_ op: OpContext) throws {
        let start = try op.operand("start")
        let end = try op.operand("end")
        let step = try op.operand("step")
        let shape = try op.declared().shape
        guard shape.count == 1, start.count == 1, end.count == 1, step.count == 1, start.kind == end.kind,
            start.kind == step.kind
        else {
            throw ProgramError(.invalid, "start \(start.shape), end \(end.shape), step \(step.shape)")
        }
        let y = try op.output(shape: shape, kind: start.kind)
        try op.emit {
            func number(_ operand: Operand) -> Double {
                operand.kind == .float ? Double(operand.floats[0]) : Double(operand.ints[0])
            }
            let length = ((number(end) - number(start)) / number(step)).rounded(.up)
            guard length == Double(y.count) || (length < 0 && y.count == 0) else {
                throw ProgramError(.badInput, "a range of \(length) elements where \(y.count) are declared")
            }
            for i in 0..<y.count {
                if y.kind == .float {
                    y.floats[i] = Float(number(start) + Double(i) * number(step))
                } else {
                    y.ints[i] = start.ints[0] &+ Int32(truncatingIfNeeded: i) &* step.ints[0]
                }
            }
        }
    }

    private static func fill(_ op: OpContext) throws {
        let declared = try op.declared()
        let value = op.has("value") ? try op.float("value") : 0
        let y = try op.output(shape: declared.shape)
        try op.emit {
            for i in 0..<y.count {
                if y.kind == .float { y.floats[i] = value } else { y.ints[i] = Int32(value) }
            }
        }
    }

    /// on_value where the index along the new axis is the given one, off_value elsewhere.
    private static func oneHot(_ op: OpContext) throws {
        let indices = try op.operand("indices")
        let size = try op.int("one_hot_vector_size")
        let axis = try op.axis("axis", rank: indices.rank + 1, default: -1)
        let on = try op.float("on_value", default: 1)
        let off = try op.float("off_value", default: 0)
        var shape = indices.shape
        shape.insert(size, at: axis)
        let y = try op.output(shape: shape)
        let lanes = Lanes(shape, axis: axis)
        try op.emit {
            for i in 0..<y.count {
                let (block, position) = (i / (lanes.length * lanes.inner), i % lanes.inner)
                let wanted = Int(indices.ints[block * lanes.inner + position])
                let value = i / lanes.inner % lanes.length == (wanted < 0 ? wanted + size : wanted) ? on : off
                if y.kind == .float { y.floats[i] = value } else { y.ints[i] = Int32(value) }
            }
        }
    }
}
