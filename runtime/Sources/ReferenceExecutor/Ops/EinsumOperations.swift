import MLProgram

/// einsum of two operands. Every axis is one of four: in both and in the result (batch), in both only (summed), in one and
/// the result. Both operands are laid out as [batch, own, summed], multiplied, and laid out as the result.
enum EinsumOperations {
    static var entries: [String: OperationTable.Compile] {
        ["einsum": einsum]
    }

    private struct Equation {
        var left: [Character]
        var right: [Character]
        var result: [Character]

        init(_ text: String) throws {
            let compact = text.filter { $0 != " " }
            let sides = compact.split(separator: ">", omittingEmptySubsequences: false)
            guard sides.count == 2, sides[0].hasSuffix("-") else { throw ProgramError(.unsupported, "equation \(text)") }
            let operands = sides[0].dropLast().split(separator: ",", omittingEmptySubsequences: false)
            guard operands.count == 2 else {
                throw ProgramError(.unsupported, "equation \(text) with \(operands.count) operands")
            }
            (left, right, result) = (Array(operands[0]), Array(operands[1]), Array(sides[1]))
            for labels in [left, right, result] {
                guard Set(labels).count == labels.count, labels.allSatisfy(\.isLetter) else {
                    throw ProgramError(.unsupported, "equation \(text)")
                }
            }
            guard Set(result).isSubset(of: Set(left + right)) else { throw ProgramError(.invalid, "equation \(text)") }
        }
    }

    private static func einsum(_ op: OpContext) throws {
        let equation = try Equation(op.string("equation"))
        guard let values = try op.sources("values"), values.count == 2 else {
            throw ProgramError(.unsupported, "needs two operands")
        }
        let a = try op.operand(values[0])
        let b = try op.operand(values[1])
        guard a.kind == .float, b.kind == .float, a.rank == equation.left.count, b.rank == equation.right.count else {
            throw ProgramError(.invalid, "operands \(a.shape) and \(b.shape)")
        }
        var sizes: [Character: Int] = [:]
        for (label, size) in zip(equation.left + equation.right, a.shape + b.shape) {
            if let known = sizes[label], known != size {
                throw ProgramError(.invalid, "axis \(label) is \(known) and \(size)")
            }
            sizes[label] = size
        }
        let (left, right, kept) = (Set(equation.left), Set(equation.right), Set(equation.result))
        let batch = equation.result.filter { left.contains($0) && right.contains($0) }
        let rows = equation.result.filter { left.contains($0) && !right.contains($0) }
        let cols = equation.result.filter { right.contains($0) && !left.contains($0) }
        let summed = equation.left.filter { right.contains($0) && !kept.contains($0) }
        guard batch.count + rows.count + summed.count == left.count, batch.count + cols.count + summed.count == right.count
        else {
            throw ProgramError(.unsupported, "an axis of one operand that is summed alone")
        }
        // No label is dropped: those of the result are among the operands', whose sizes are all known.
        func shape(_ labels: [Character]) -> [Int] { labels.compactMap { sizes[$0] } }
        func size(_ labels: [Character]) -> Int { shape(labels).reduce(1, *) }
        let y = try op.output(shape: shape(equation.result), kind: .float)
        let toLeft = Permutation(from: equation.left, to: batch + rows + summed, sizes)
        let toRight = Permutation(from: equation.right, to: batch + cols + summed, sizes)
        let toResult = Permutation(from: batch + rows + cols, to: equation.result, sizes)
        let leftCopy = toLeft.isIdentity ? a : op.scratch(a.count)
        let rightCopy = toRight.isIdentity ? b : op.scratch(b.count)
        let product = toResult.isIdentity ? y : op.scratch(y.count)
        let plan = BatchedProduct(
            batch: [size(batch)], left: [size(batch)], right: [size(batch)], m: size(rows), n: size(cols), k: size(summed),
            transposedB: true)
        let pool = op.pool
        try op.emit {
            if !toLeft.isIdentity { toLeft.apply(a.words, leftCopy.words) }
            if !toRight.isIdentity { toRight.apply(b.words, rightCopy.words) }
            plan.run(leftCopy.floats, rightCopy.floats, product.floats, pool)
            if !toResult.isIdentity { toResult.apply(product.words, y.words) }
        }
    }
}

/// A contiguous tensor copied with its axes in another order.
struct Permutation {
    let isIdentity: Bool
    private let walk: StridedWalk

    /// Axis i of the copy is axis `order[i]` of the source.
    init(_ shape: [Int], order: [Int]) {
        let strides = Shapes.strides(shape)
        let target = order.map { shape[$0] }
        // An order that only moves axes of size 1 changes nothing in memory.
        isIdentity = order.filter { shape[$0] != 1 } == order.filter { shape[$0] != 1 }.sorted()
        walk = StridedWalk(target, strides: [order.map { strides[$0] }, Shapes.strides(target)])
    }

    /// The same by label: `to` names the axes of `from` in another order, and `sizes` has the length of each.
    init(from: [Character], to: [Character], _ sizes: [Character: Int]) {
        self.init(from.compactMap { sizes[$0] }, order: to.compactMap { from.firstIndex(of: $0) })
    }

    func apply(_ x: UnsafePointer<UInt32>, _ y: UnsafeMutablePointer<UInt32>) {
        let step = walk.runStrides[0]
        let length = walk.run
        walk.forEachRun { source, target in
            if step == 1 {
                (y + target).update(from: x + source, count: length)
            } else {
                for i in 0..<length { y[target + i] = x[source + i * step] }
            }
        }
    }
}
