import MLProgram

/// slice_by_index, slice_by_size, slice_update. Where a slice starts may be known only at run time; how large it is, is
/// known from the declared shapes.
enum SliceOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "slice_by_index": sliceByIndex, "slice_by_size": sliceBySize, "slice_update": sliceUpdate,
        ]
    }

    /// begin, end, strides and masks of a slice of `shape`.
    private struct Selection {
        let shape: [Int]
        let begin: Operand
        let end: Operand?
        let strides: [Int]
        let beginMask: [Bool]
        let endMask: [Bool]
        let squeezeMask: [Bool]
        /// Whether begin and end are constants.
        let isFixed: Bool

        init(_ op: OpContext, _ shape: [Int]) throws {
            self.shape = shape
            begin = try op.operand("begin")
            end = try op.optionalOperand("end")
            let rank = shape.count
            func mask(_ name: String) throws -> [Bool] {
                let values = try op.ints(name).map { $0.map { $0 != 0 } } ?? []
                guard values.isEmpty || values.count == rank else {
                    throw ProgramError(.invalid, "\(name) of \(values.count) for rank \(rank)")
                }
                return values.isEmpty ? [Bool](repeating: false, count: rank) : values
            }
            beginMask = try mask("begin_mask")
            endMask = try mask("end_mask")
            squeezeMask = try mask("squeeze_mask")
            strides = try op.ints("stride") ?? [Int](repeating: 1, count: rank)
            guard strides.count == rank, strides.allSatisfy({ $0 != 0 }), begin.kind == .int, begin.count == rank,
                end.map({ $0.count == rank && $0.kind == .int }) ?? true
            else { throw ProgramError(.invalid, "begin, end or stride do not have rank \(rank)") }
            isFixed = try op.constant("begin") != nil && (end == nil || op.constant("end") != nil)
        }

        /// First index and number of elements along `axis`, with Python's rules for slices.
        func range(_ axis: Int) -> (start: Int, count: Int) {
            let (size, stride) = (shape[axis], strides[axis])
            func clamp(_ value: Int, _ low: Int, _ high: Int) -> Int { min(max(value < 0 ? value + size : value, low), high) }
            let low = stride > 0 ? 0 : -1
            let high = stride > 0 ? size : size - 1
            let start = beginMask[axis] ? (stride > 0 ? 0 : size - 1) : clamp(Int(begin.ints[axis]), low, high)
            if squeezeMask[axis] { return (start, start >= 0 && start < size ? 1 : 0) }
            var stop = stride > 0 ? size : -1
            if !endMask[axis], let end { stop = clamp(Int(end.ints[axis]), low, high) }
            let span = stride > 0 ? stop - start : start - stop
            return (start, span <= 0 ? 0 : (span + abs(stride) - 1) / abs(stride))
        }

        var rank: Int { shape.count }
    }

    private static func sliceByIndex(_ op: OpContext) throws {
        let source = try op.source("x")
        let x = try op.operand(source)
        let selection = try Selection(op, x.shape)
        let declared = try op.declared().shape
        // The sizes with the squeezed axes: from the constants, or put back into the declared shape.
        let counts: [Int]
        if selection.isFixed {
            counts = (0..<x.rank).map { selection.range($0).count }
        } else {
            counts = try unsqueezed(declared, selection.squeezeMask)
        }
        let shape = counts.indices.filter { !selection.squeezeMask[$0] }.map { counts[$0] }
        guard shape == declared else {
            throw ProgramError(.invalid, "computes shape \(shape), the program declares \(declared)")
        }
        if selection.isFixed, isOneRun(x.shape, counts, selection.strides) {
            let strides = Shapes.strides(x.shape)
            let start = (0..<x.rank).reduce(0) { $0 + selection.range($1).start * strides[$1] }
            return try op.view(of: source, from: Shapes.count(shape) == 0 ? 0 : start, shape: shape)
        }
        let y = try op.output(shape: shape, kind: x.kind)
        let box = Box(x.shape, counts: counts, strides: selection.strides)
        try op.emit {
            let start = try box.start { selection.range($0) }
            box.forEachRun { inside, outside, step, length in
                copy(x.words + start + outside, step, y.words + inside, 1, length)
            }
        }
    }

    private static func unsqueezed(_ shape: [Int], _ mask: [Bool]) throws -> [Int] {
        var rest = shape[...]
        let counts = mask.map { $0 ? 1 : rest.popFirst() ?? -1 }
        guard rest.isEmpty, !counts.contains(-1) else { throw ProgramError(.invalid, "a slice of declared shape \(shape)") }
        return counts
    }

    /// Whether the box is one run of memory: after the first axis with more than one element, all axes are taken whole.
    private static func isOneRun(_ shape: [Int], _ counts: [Int], _ strides: [Int]) -> Bool {
        guard let first = counts.firstIndex(where: { $0 != 1 }) else { return true }
        guard strides[first] == 1 else { return false }
        return (first + 1..<shape.count).allSatisfy { counts[$0] == shape[$0] && (strides[$0] == 1 || shape[$0] == 1) }
    }

    private static func sliceBySize(_ op: OpContext) throws {
        let source = try op.source("x")
        let x = try op.operand(source)
        let begin = try op.operand("begin")
        guard begin.kind == .int, begin.count == x.rank else {
            throw ProgramError(.invalid, "begin \(begin.shape) for x \(x.shape)")
        }
        let shape = try op.declared().shape
        guard shape.count == x.rank, zip(shape, x.shape).allSatisfy({ $0 <= $1 }) else {
            throw ProgramError(.invalid, "\(shape) of \(x.shape)")
        }
        if let sizes = try op.constant("size")?.ints() {
            guard zip(sizes, shape).allSatisfy({ $0 == $1 || $0 == -1 }) else {
                throw ProgramError(.invalid, "size \(sizes), declared \(shape)")
            }
        }
        let ones = [Int](repeating: 1, count: x.rank)
        if let first = try op.constant("begin")?.ints(), isOneRun(x.shape, shape, ones) {
            let strides = Shapes.strides(x.shape)
            for axis in first.indices where first[axis] < 0 || first[axis] + shape[axis] > x.shape[axis] {
                throw ProgramError(.invalid, "begin \(first) with size \(shape) of \(x.shape)")
            }
            return try op.view(of: source, from: zip(first, strides).reduce(0) { $0 + $1.0 * $1.1 }, shape: shape)
        }
        let y = try op.output(shape: shape, kind: x.kind)
        let box = Box(x.shape, counts: shape, strides: ones)
        try op.emit {
            let start = try box.start { axis in
                let first = Int(begin.ints[axis])
                return (first, first >= 0 ? min(shape[axis], x.shape[axis] - first) : -1)
            }
            box.forEachRun { inside, outside, step, length in
                copy(x.words + start + outside, step, y.words + inside, 1, length)
            }
        }
    }

    private static func sliceUpdate(_ op: OpContext) throws {
        let x = try op.operand("x")
        let update = try op.operand("update")
        let selection = try Selection(op, x.shape)
        guard update.kind == x.kind, update.rank > 0 else {
            throw ProgramError(.invalid, "\(update.dataType) \(update.shape) into \(x.dataType)")
        }
        let counts =
            selection.isFixed
            ? (0..<x.rank).map { selection.range($0).count } : try unsqueezed(update.shape, selection.squeezeMask)
        guard Shapes.count(counts) == update.count,
            counts.indices.filter({ !selection.squeezeMask[$0] }).map({ counts[$0] }) == update.shape
        else { throw ProgramError(.invalid, "update \(update.shape) for a slice of \(counts)") }
        let box = Box(x.shape, counts: counts, strides: selection.strides)
        let inPlace = op.statePlan.inPlaceUpdates.contains(op.index)
        let y: Operand
        if inPlace {
            y = x
            try op.result(operand: x)
        } else {
            y = try op.output(shape: x.shape, kind: x.kind)
        }
        try op.emit {
            let start = try box.start { selection.range($0) }
            if !inPlace { y.words.update(from: x.words, count: x.count) }
            box.forEachRun { inside, outside, step, length in
                copy(update.words + inside, 1, y.words + start + outside, step, length)
            }
        }
    }

    @inline(__always) private static func copy(
        _ x: UnsafePointer<UInt32>, _ stepX: Int, _ y: UnsafeMutablePointer<UInt32>, _ stepY: Int, _ count: Int
    ) {
        if stepX == 1, stepY == 1 { return y.update(from: x, count: count) }
        for i in 0..<count { y[i * stepY] = x[i * stepX] }
    }
}

/// A box of fixed size inside a tensor, whose corner is found at run time.
struct Box {
    private let counts: [Int]
    private let tensorStrides: [Int]
    private let walk: StridedWalk

    init(_ shape: [Int], counts: [Int], strides: [Int]) {
        self.counts = counts
        tensorStrides = Shapes.strides(shape)
        let steps = zip(tensorStrides, strides).map { $0 * $1 }
        walk = StridedWalk(counts, strides: [Shapes.strides(counts), steps])
    }

    /// Offset of the box's first element. Throws `badInput` when the slice does not have the box's size there.
    func start(_ range: (Int) -> (start: Int, count: Int)) throws -> Int {
        var offset = 0
        for axis in counts.indices {
            let found = range(axis)
            guard found.count == counts[axis] else {
                throw ProgramError(
                    .badInput, "a slice of \(counts[axis]) elements from \(found.start) on does not fit axis \(axis)")
            }
            offset += found.start * tensorStrides[axis]
        }
        return Shapes.count(counts) == 0 ? 0 : offset
    }

    /// Calls `body(offset inside the box, offset in the tensor from its first element, step in the tensor, length)`.
    @inline(__always) func forEachRun(_ body: (Int, Int, Int, Int) -> Void) {
        guard Shapes.count(counts) > 0 else { return }
        walk.forEachRun { inside, outside in body(inside, outside, walk.runStrides[1], walk.run) }
    }
}
