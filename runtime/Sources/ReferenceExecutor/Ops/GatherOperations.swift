import MLProgram

/// gather, gather_along_axis, gather_nd. Negative indices count from the end; others outside the axis are errors, since
/// Core ML leaves them undefined.
enum GatherOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "gather": gather, "gather_along_axis": gatherAlongAxis, "gather_nd": gatherND,
        ]
    }

    /// The index counted from the front. Throws `badInput` when it lies outside `size`.
    @inline(__always) static func check(_ index: Int32, _ size: Int) throws -> Int {
        let positive = index < 0 ? Int(index) + size : Int(index)
        guard positive >= 0, positive < size else { throw ProgramError(.badInput, "index \(index) lies outside \(size)") }
        return positive
    }

    private static func shape(_ source: Source) throws -> [Int] {
        switch source {
        case .constant(let constant): constant.shape
        case .runtime(let operand): operand.shape
        case .state: throw ProgramError(.invalid, "a state where a tensor is needed")
        }
    }

    private static func gather(_ op: OpContext) throws {
        let source = try op.source("x")
        let shape = try shape(source)
        let indices = try op.operand("indices")
        let batch = try op.int("batch_dims", default: 0)
        let axis = try op.axis("axis", rank: shape.count, default: 0)
        guard indices.kind == .int, batch >= 0, batch <= axis, batch <= indices.rank,
            shape.prefix(batch) == indices.shape.prefix(batch)
        else {
            throw ProgramError(.invalid, "x \(shape), indices \(indices.shape), axis \(axis), batch_dims \(batch)")
        }
        let y = try op.output(shape: Array(shape[..<axis]) + indices.shape.dropFirst(batch) + shape[(axis + 1)...])
        if axis == 0, case .constant(let table) = source, table.kind == .float, table.shape.count >= 1, !op.isConstant {
            return try rows(op, try PackedMatrix(table), indices, y)
        }
        let x = try op.operand(source)
        guard x.kind == y.kind else { throw ProgramError(.invalid, "\(x.dataType) gathered into \(y.dataType)") }
        let outer = Shapes.count(Array(shape[..<batch]))
        let middle = Shapes.count(Array(shape[batch..<axis]))
        let inner = Shapes.count(Array(shape[(axis + 1)...]))
        let size = shape[axis]
        let perBatch = Shapes.count(Array(indices.shape.dropFirst(batch)))
        try op.emit {
            for b in 0..<outer {
                for m in 0..<middle {
                    for i in 0..<perBatch {
                        let index = try check(indices.ints[b * perBatch + i], size)
                        let from = ((b * middle + m) * size + index) * inner
                        let to = ((b * middle + m) * perBatch + i) * inner
                        (y.words + to).update(from: x.words + from, count: inner)
                    }
                }
            }
        }
    }

    /// Rows of a constant table, unpacked as they are read: the embedding of a quantised model stays packed.
    private static func rows(_ op: OpContext, _ table: PackedMatrix, _ indices: Operand, _ y: Operand) throws {
        try op.emit {
            for i in 0..<indices.count {
                table.copyRow(try check(indices.ints[i], table.rows), into: y.floats + i * table.cols)
            }
        }
    }

    private static func gatherAlongAxis(_ op: OpContext) throws {
        let x = try op.operand("x")
        let indices = try op.operand("indices")
        let axis = try op.axis("axis", rank: x.rank, default: 0)
        var expected = x.shape
        guard indices.rank == x.rank, indices.kind == .int else {
            throw ProgramError(.invalid, "x \(x.shape), indices \(indices.shape)")
        }
        expected[axis] = indices.shape[axis]
        guard indices.shape == expected else { throw ProgramError(.invalid, "x \(x.shape), indices \(indices.shape)") }
        let y = try op.output(shape: indices.shape, kind: x.kind)
        let from = Lanes(x.shape, axis: axis)
        let to = Lanes(indices.shape, axis: axis)
        try op.emit {
            for i in 0..<y.count {
                let (block, position) = (i / (to.length * to.inner), i % to.inner)
                let index = try check(indices.ints[i], from.length)
                y.words[i] = x.words[(block * from.length + index) * from.inner + position]
            }
        }
    }

    private static func gatherND(_ op: OpContext) throws {
        let x = try op.operand("x")
        let indices = try op.operand("indices")
        let batch = try op.int("batch_dims", default: 0)
        guard let depth = indices.shape.last, indices.kind == .int, batch >= 0, batch < indices.rank, batch + depth <= x.rank,
            x.shape.prefix(batch) == indices.shape.prefix(batch)
        else { throw ProgramError(.invalid, "x \(x.shape), indices \(indices.shape), batch_dims \(batch)") }
        let inner = Array(x.shape[(batch + depth)...])
        let y = try op.output(shape: Array(indices.shape.dropLast()) + inner, kind: x.kind)
        let sizes = Array(x.shape[batch..<batch + depth])
        let count = Shapes.count(inner)
        let perBatch = Shapes.count(Array(indices.shape[batch...].dropLast()))
        let batches = Shapes.count(Array(x.shape[..<batch]))
        try op.emit {
            for b in 0..<batches {
                for i in 0..<perBatch {
                    let tuple = indices.ints + (b * perBatch + i) * depth
                    var place = b
                    for axis in 0..<depth { place = place * sizes[axis] + (try check(tuple[axis], sizes[axis])) }
                    (y.words + (b * perBatch + i) * count).update(from: x.words + place * count, count: count)
                }
            }
        }
    }
}
