import MLProgram

/// Operations that change how elements are indexed: most only look at the same memory in another way.
enum ShapeOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "reshape": reshape, "reshape_like": reshapeLike, "expand_dims": expandDims, "squeeze": squeeze,
            "flatten2d": flatten,
            "transpose": transpose, "shape": shape, "reverse": reverse,
        ]
    }

    private static func sameElements(_ op: OpContext, _ shape: [Int]) throws {
        let source = try op.source("x")
        let x = try op.operand(source)
        guard Shapes.count(shape) == x.count else { throw ProgramError(.invalid, "\(x.shape) reshaped to \(shape)") }
        try op.view(of: source, shape: shape)
    }

    private static func reshape(_ op: OpContext) throws {
        let x = try op.operand("x")
        // A shape that is computed at run time must come out as declared, since shapes are fixed.
        guard var shape = try op.constant("shape")?.ints() else { return try sameElements(op, op.declared().shape) }
        if shape.contains(0), shape.count == x.rank { shape = shape.indices.map { shape[$0] == 0 ? x.shape[$0] : shape[$0] } }
        if let open = shape.firstIndex(of: -1) {
            let rest = shape.indices.filter { $0 != open }.reduce(1) { $0 * shape[$1] }
            guard rest > 0, x.count % rest == 0 else { throw ProgramError(.invalid, "\(x.shape) reshaped to \(shape)") }
            shape[open] = x.count / rest
        }
        guard shape.allSatisfy({ $0 >= 0 }) else { throw ProgramError(.invalid, "\(x.shape) reshaped to \(shape)") }
        try sameElements(op, shape)
    }

    private static func reshapeLike(_ op: OpContext) throws {
        let x = try op.operand("x")
        let shape = try op.declared().shape
        guard Shapes.count(shape) == x.count else { throw ProgramError(.invalid, "\(x.shape) reshaped to \(shape)") }
        let y = try op.output(shape: shape, kind: x.kind)
        try op.emit { y.words.update(from: x.words, count: x.count) }
    }

    private static func expandDims(_ op: OpContext) throws {
        let x = try op.operand("x")
        guard let given = try op.ints("axes") else { throw ProgramError(.torn, "parameter axes is missing") }
        let rank = x.rank + given.count
        let axes = given.map { $0 < 0 ? $0 + rank : $0 }
        guard Set(axes).count == axes.count, axes.allSatisfy({ $0 >= 0 && $0 < rank }) else {
            throw ProgramError(.invalid, "axes \(given) for rank \(rank)")
        }
        var rest = x.shape[...]
        try sameElements(op, (0..<rank).map { axes.contains($0) ? 1 : rest.removeFirst() })
    }

    private static func squeeze(_ op: OpContext) throws {
        let x = try op.operand("x")
        let axes = try op.axes("axes", rank: x.rank) ?? x.shape.indices.filter { x.shape[$0] == 1 }
        guard axes.allSatisfy({ x.shape[$0] == 1 }) else {
            throw ProgramError(.invalid, "axes \(axes) of \(x.shape) are not all 1")
        }
        try sameElements(op, x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] })
    }

    private static func flatten(_ op: OpContext) throws {
        let x = try op.operand("x")
        let given = try op.int("axis", default: 1)
        let axis = given < 0 ? given + x.rank : given
        guard axis >= 0, axis <= x.rank else { throw ProgramError(.invalid, "axis \(given) for rank \(x.rank)") }
        try sameElements(op, [Shapes.count(Array(x.shape[..<axis])), Shapes.count(Array(x.shape[axis...]))])
    }

    private static func transpose(_ op: OpContext) throws {
        let x = try op.operand("x")
        let order = try op.requireConstant("perm").ints().map { $0 < 0 ? $0 + x.rank : $0 }
        guard order.sorted() == Array(0..<x.rank) else { throw ProgramError(.invalid, "perm \(order) for \(x.shape)") }
        let y = try op.output(shape: order.map { x.shape[$0] }, kind: x.kind)
        let permutation = Permutation(x.shape, order: order)
        try op.emit {
            guard x.count > 0 else { return }
            permutation.apply(x.words, y.words)
        }
    }

    /// Shapes are fixed, so the result is a constant.
    private static func shape(_ op: OpContext) throws {
        let x = try op.operand("x")
        let declared = try op.declared()
        try op.result(constant: op.store.ints(x.shape.map(Int32.init), declared.dataType, [x.rank]))
    }

    private static func reverse(_ op: OpContext) throws {
        let x = try op.operand("x")
        let axes = try op.axes("axes", rank: x.rank) ?? Array(0..<x.rank)
        let y = try op.output(shape: x.shape, kind: x.kind)
        let strides = Shapes.strides(x.shape)
        try op.emit {
            for i in 0..<x.count {
                var from = i
                for axis in axes {
                    let index = i / strides[axis] % x.shape[axis]
                    from += (x.shape[axis] - 1 - 2 * index) * strides[axis]
                }
                y.words[i] = x.words[from]
            }
        }
    }
}
