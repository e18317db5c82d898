import MLProgram

/// concat, stack, split, tile, pad: tensors put together, taken apart or repeated.
enum JoinOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "concat": concat, "stack": stack, "split": split, "tile": tile, "pad": pad,
        ]
    }

    private static func values(_ op: OpContext) throws -> [Operand] {
        guard let sources = try op.sources("values"), !sources.isEmpty else { throw ProgramError(.torn, "no values") }
        let values = try sources.map { try op.operand($0) }
        guard values.allSatisfy({ $0.kind == values[0].kind && $0.rank == values[0].rank }) else {
            throw ProgramError(.invalid, "values of shapes \(values.map(\.shape)) and types \(values.map(\.dataType))")
        }
        return values
    }

    private static func concat(_ op: OpContext) throws {
        let values = try values(op)
        let rank = values[0].rank
        let axis = try op.axis("axis", rank: rank)
        for value in values {
            guard (0..<rank).allSatisfy({ $0 == axis || value.shape[$0] == values[0].shape[$0] }) else {
                throw ProgramError(.invalid, "values of shapes \(values.map(\.shape)) along axis \(axis)")
            }
        }
        var shape = values[0].shape
        shape[axis] = values.reduce(0) { $0 + $1.shape[axis] }
        let interleave = try op.bool("interleave", default: false)
        if interleave, !values.allSatisfy({ $0.shape == values[0].shape }) {
            throw ProgramError(.invalid, "interleaves unequal shapes")
        }
        let y = try op.output(shape: shape, kind: values[0].kind)
        let outer = Shapes.count(Array(shape[..<axis]))
        let inner = Shapes.count(Array(shape[(axis + 1)...]))
        // Interleaved, the pieces are single elements of the axis; otherwise each value's whole extent.
        let pieces = interleave ? values[0].shape[axis] : 1
        try op.emit {
            var out = y.words
            for block in 0..<outer * pieces {
                for value in values {
                    let length = value.shape[axis] / pieces * inner
                    out.update(from: value.words + block * length, count: length)
                    out += length
                }
            }
        }
    }

    private static func stack(_ op: OpContext) throws {
        let values = try values(op)
        let axis = try op.axis("axis", rank: values[0].rank + 1)
        guard values.allSatisfy({ $0.shape == values[0].shape }) else {
            throw ProgramError(.invalid, "values of shapes \(values.map(\.shape))")
        }
        var shape = values[0].shape
        shape.insert(values.count, at: axis)
        let y = try op.output(shape: shape, kind: values[0].kind)
        let outer = Shapes.count(Array(shape[..<axis]))
        let inner = Shapes.count(Array(shape[(axis + 1)...]))
        try op.emit {
            for block in 0..<outer {
                for (index, value) in values.enumerated() {
                    (y.words + (block * values.count + index) * inner).update(from: value.words + block * inner, count: inner)
                }
            }
        }
    }

    private static func split(_ op: OpContext) throws {
        let source = try op.source("x")
        let x = try op.operand(source)
        let axis = try op.axis("axis", rank: x.rank)
        let parts = op.operation.outputs.count
        let sizes: [Int]
        if let given = try op.ints("split_sizes") {
            sizes = given
        } else {
            let number = try op.int("num_splits")
            guard number > 0, x.shape[axis] % number == 0 else {
                throw ProgramError(.invalid, "\(x.shape[axis]) elements in \(number) parts")
            }
            sizes = [Int](repeating: x.shape[axis] / number, count: number)
        }
        guard sizes.count == parts, sizes.reduce(0, +) == x.shape[axis], sizes.allSatisfy({ $0 >= 0 }) else {
            throw ProgramError(.invalid, "parts of \(sizes) for \(parts) results of \(x.shape[axis]) elements")
        }
        let lanes = Lanes(x.shape, axis: axis)
        var first = 0
        var copies: [(Operand, Int)] = []
        for (part, size) in sizes.enumerated() {
            var shape = x.shape
            shape[axis] = size
            if lanes.outer == 1 {
                try op.view(part, of: source, from: first * lanes.inner, shape: shape)
            } else {
                copies.append((try op.output(part, shape: shape, kind: x.kind), first))
            }
            first += size
        }
        if copies.isEmpty { return }
        try op.emit {
            for (y, first) in copies {
                let length = y.shape[axis] * lanes.inner
                for block in 0..<lanes.outer {
                    (y.words + block * length).update(
                        from: x.words + (block * lanes.length + first) * lanes.inner, count: length)
                }
            }
        }
    }

    private static func tile(_ op: OpContext) throws {
        let x = try op.operand("x")
        let reps = try op.requireConstant("reps").ints()
        guard reps.count == x.rank, reps.allSatisfy({ $0 > 0 }) else {
            throw ProgramError(.invalid, "reps \(reps) for \(x.shape)")
        }
        let y = try op.output(shape: zip(x.shape, reps).map { $0 * $1 }, kind: x.kind)
        // Each axis as [repeat, own]: the repeat has stride 0 in x.
        let strides = Shapes.strides(x.shape)
        let dimensions = zip(reps, x.shape).flatMap { [$0, $1] }
        let walk = StridedWalk(dimensions, strides: [strides.flatMap { [0, $0] }, Shapes.strides(dimensions)])
        let (step, length) = (walk.runStrides[0], walk.run)
        try op.emit {
            guard y.count > 0 else { return }
            walk.forEachRun { from, to in
                for i in 0..<length { y.words[to + i] = x.words[from + i * step] }
            }
        }
    }

    /// Pads the last axes, before and after, with a constant, the mirrored content, or the edge.
    private static func pad(_ op: OpContext) throws {
        let x = try op.operand("x")
        let pads = try op.requireConstant("pad").ints()
        let mode = try op.string("mode", default: "constant")
        guard pads.count % 2 == 0, pads.count <= 2 * x.rank, pads.allSatisfy({ $0 >= 0 }) else {
            throw ProgramError(.invalid, "pad \(pads) for \(x.shape)")
        }
        var before = [Int](repeating: 0, count: x.rank)
        var shape = x.shape
        for pair in 0..<pads.count / 2 {
            let axis = x.rank - pads.count / 2 + pair
            before[axis] = pads[2 * pair]
            shape[axis] += pads[2 * pair] + pads[2 * pair + 1]
            if mode == "reflect", max(pads[2 * pair], pads[2 * pair + 1]) >= max(1, x.shape[axis]) {
                throw ProgramError(.invalid, "reflects \(pads) of \(x.shape)")
            }
        }
        guard ["constant", "reflect", "replicate"].contains(mode) else { throw ProgramError(.unsupported, "pad mode \(mode)") }
        let constant = try op.float("constant_val", default: 0)
        let filler = x.kind == .float ? constant.bitPattern : UInt32(bitPattern: Int32(constant))
        let y = try op.output(shape: shape, kind: x.kind)
        let (own, target) = (Shapes.strides(x.shape), Shapes.strides(shape))
        try op.emit {
            for i in 0..<y.count {
                var offset = 0
                var isInside = true
                for axis in shape.indices {
                    var place = i / target[axis] % shape[axis] - before[axis]
                    if place < 0 || place >= x.shape[axis] {
                        if mode == "constant" {
                            isInside = false
                            break
                        }
                        place =
                            mode == "replicate"
                            ? min(max(place, 0), x.shape[axis] - 1) : place < 0 ? -place : 2 * (x.shape[axis] - 1) - place
                    }
                    offset += place * own[axis]
                }
                y.words[i] = isInside ? x.words[offset] : filler
            }
        }
    }
}
