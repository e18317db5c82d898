import MLProgram

/// topk, argsort and cumsum: along one axis.
enum RankingOperations {
    static var entries: [String: OperationTable.Compile] {
        ["topk": topK, "argsort": argsort, "cumsum": cumsum]
    }

    /// Indices of one line's elements, best first; equal elements keep their order.
    private static func order(_ x: Operand, _ start: Int, _ lanes: Lanes, ascending: Bool) -> [Int] {
        func sorted<T: Comparable>(_ values: UnsafePointer<T>) -> [Int] {
            (0..<lanes.length).sorted { a, b in
                let (left, right) = (values[start + a * lanes.inner], values[start + b * lanes.inner])
                if left == right { return a < b }
                return ascending ? left < right : left > right
            }
        }
        return x.kind == .float ? sorted(UnsafePointer(x.floats)) : sorted(UnsafePointer(x.ints))
    }

    /// The first `count` of the same order, without sorting the rest: most elements fail the first comparison. What is not
    /// a number comes first, where whoever reads the result sees it.
    private static func best(_ count: Int, _ x: Operand, _ start: Int, _ lanes: Lanes, ascending: Bool) -> [Int] {
        func selected<T: Comparable>(_ values: UnsafePointer<T>, _ key: (T) -> T) -> [Int] {
            var kept: [(value: T, index: Int)] = []
            kept.reserveCapacity(count + 1)
            for index in 0..<lanes.length {
                let value = key(values[start + index * lanes.inner])
                if let last = kept.last?.value, kept.count == count, ascending ? value >= last : value <= last { continue }
                // Behind its equals, which came before it.
                var low = 0
                var high = kept.count
                while low < high {
                    let middle = (low + high) / 2
                    let held = kept[middle].value
                    if ascending ? held <= value : held >= value { low = middle + 1 } else { high = middle }
                }
                kept.insert((value, index), at: low)
                if kept.count > count { kept.removeLast() }
            }
            return kept.map(\.index)
        }
        guard count > 0 else { return [] }
        guard count * 8 < lanes.length else { return Array(order(x, start, lanes, ascending: ascending).prefix(count)) }
        guard x.kind == .float else { return selected(UnsafePointer(x.ints)) { $0 } }
        return selected(UnsafePointer(x.floats)) { $0.isNaN ? (ascending ? -.infinity : .infinity) : $0 }
    }

    private static func topK(_ op: OpContext) throws {
        let x = try op.operand("x")
        let axis = try op.axis("axis", rank: x.rank, default: -1)
        let ascending = try op.bool("ascending", default: false)
        var k = try op.int("k", default: 1)
        if k == -1 { k = x.shape[axis] }
        guard k >= 0, k <= x.shape[axis] else { throw ProgramError(.invalid, "k is \(k) for an axis of \(x.shape[axis])") }
        var shape = x.shape
        shape[axis] = k
        let values = try op.output(0, shape: shape, kind: x.kind)
        let indices = op.operation.outputs.count > 1 ? try op.output(1, shape: shape, kind: .int) : nil
        let lanes = Lanes(x.shape, axis: axis)
        try op.emit {
            for block in 0..<lanes.outer {
                for position in 0..<lanes.inner {
                    let start = block * lanes.length * lanes.inner + position
                    let best = best(k, x, start, lanes, ascending: ascending)
                    for rank in 0..<k {
                        let target = (block * k + rank) * lanes.inner + position
                        values.words[target] = x.words[start + best[rank] * lanes.inner]
                        indices?.ints[target] = Int32(best[rank])
                    }
                }
            }
        }
    }

    private static func argsort(_ op: OpContext) throws {
        let x = try op.operand("x")
        let axis = try op.axis("axis", rank: x.rank, default: -1)
        let ascending = try op.bool("ascending", default: false)
        let y = try op.output(shape: x.shape, kind: .int)
        let lanes = Lanes(x.shape, axis: axis)
        try op.emit {
            lanes.forEach { start in
                for (rank, index) in order(x, start, lanes, ascending: ascending).enumerated() {
                    y.ints[start + rank * lanes.inner] = Int32(index)
                }
            }
        }
    }

    private static func cumsum(_ op: OpContext) throws {
        let x = try op.operand("x")
        let axis = try op.axis("axis", rank: x.rank, default: 0)
        let exclusive = try op.bool("exclusive", default: false)
        let reverse = try op.bool("reverse", default: false)
        let y = try op.output(shape: x.shape, kind: x.kind)
        let lanes = Lanes(x.shape, axis: axis)
        try op.emit {
            lanes.forEach { start in
                var sum: Float = 0
                var whole: Int32 = 0
                for step in 0..<lanes.length {
                    let at = start + (reverse ? lanes.length - 1 - step : step) * lanes.inner
                    if x.kind == .float {
                        let value = x.floats[at]
                        y.floats[at] = exclusive ? sum : sum + value
                        sum += value
                    } else {
                        let value = x.ints[at]
                        y.ints[at] = exclusive ? whole : whole &+ value
                        whole &+= value
                    }
                }
            }
        }
    }
}
