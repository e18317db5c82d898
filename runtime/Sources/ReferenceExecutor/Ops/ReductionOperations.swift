import CKernels
import MLProgram

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// reduce_* over some or all axes, and the index of the largest or smallest element along one.
enum ReductionOperations {
    private typealias Floats = (UnsafePointer<Float>, Int) -> Float
    private typealias Ints = (UnsafePointer<Int32>, Int) -> Int32

    static var entries: [String: OperationTable.Compile] {
        [
            "reduce_sum": { try reduce($0, { ck_sum($0, Int64($1)) }, { x, n in fold(x, n, 0) { $0 &+ $1 } }) },
            "reduce_mean": { try reduce($0, { ck_sum($0, Int64($1)) / Float($1) }, mean) },
            "reduce_max": {
                try reduce(
                    $0, { x, n in fold(x, n, -.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 } },
                    { x, n in fold(x, n, .min) { max($0, $1) } })
            },
            "reduce_min": {
                try reduce(
                    $0, { x, n in fold(x, n, .infinity) { $1 < $0 || $1.isNaN ? $1 : $0 } },
                    { x, n in fold(x, n, .max) { min($0, $1) } })
            },
            "reduce_prod": { try reduce($0, { x, n in fold(x, n, 1) { $0 * $1 } }, { x, n in fold(x, n, 1) { $0 &* $1 } }) },
            "reduce_sum_square": {
                try reduce($0, { ck_sum_squares($0, Int64($1)) }, { x, n in fold(x, n, 0) { $0 &+ $1 &* $1 } })
            },
            "reduce_l1_norm": {
                try reduce(
                    $0, { x, n in fold(x, n, 0) { $0 + abs($1) } },
                    { x, n in fold(x, n, 0) { $0 &+ ($1 == .min ? $1 : abs($1)) } })
            },
            "reduce_l2_norm": { try reduce($0, { ck_sum_squares($0, Int64($1)).squareRoot() }, nil) },
            "reduce_log_sum": { try reduce($0, { log(ck_sum($0, Int64($1))) }, nil) },
            "reduce_log_sum_exp": { try reduce($0, logSumExp, nil) },
            "reduce_argmax": { try arg($0, largest: true) },
            "reduce_argmin": { try arg($0, largest: false) },
        ]
    }

    @inline(__always) private static func fold<T>(_ x: UnsafePointer<T>, _ count: Int, _ start: T, _ body: (T, T) -> T) -> T {
        var value = start
        for i in 0..<count { value = body(value, x[i]) }
        return value
    }

    private static func mean(_ x: UnsafePointer<Int32>, _ count: Int) -> Int32 {
        var sum: Int64 = 0
        for i in 0..<count { sum += Int64(x[i]) }
        return count == 0 ? 0 : Int32(truncatingIfNeeded: sum / Int64(count))
    }

    private static func logSumExp(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        let top = fold(x, count, -.infinity) { max($0, $1) }
        guard top.isFinite else { return top }
        var sum: Float = 0
        for i in 0..<count { sum += exp(x[i] - top) }
        return top + log(sum)
    }

    private static func reducedShape(_ shape: [Int], _ axes: [Int], keep: Bool) -> [Int] {
        keep
            ? shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
            : shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
    }

    private static func reduce(_ op: OpContext, _ floats: @escaping Floats, _ ints: Ints?) throws {
        let x = try op.operand("x")
        var axes = try op.axes("axes", rank: x.rank) ?? Array(0..<x.rank)
        if axes.isEmpty { axes = Array(0..<x.rank) }
        let y = try op.output(shape: reducedShape(x.shape, axes, keep: try op.bool("keep_dims", default: false)), kind: x.kind)
        let rows = ReducedRows(x.shape, axes: axes)
        let row = rows.isContiguous ? nil : op.scratch(rows.length)
        if x.kind == .float {
            return try op.emit { rows.forEach { y.floats[$0] = floats(rows.load(x.floats, $0, row?.floats), rows.length) } }
        }
        guard let ints else { throw ProgramError(.unsupported, "of integers") }
        try op.emit { rows.forEach { y.ints[$0] = ints(rows.load(x.ints, $0, row?.ints), rows.length) } }
    }

    /// The first index of the extreme element along `axis`.
    private static func arg(_ op: OpContext, largest: Bool) throws {
        let x = try op.operand("x")
        let axis = try op.axis("axis", rank: x.rank, default: -1)
        let y = try op.output(shape: reducedShape(x.shape, [axis], keep: try op.bool("keep_dims", default: false)), kind: .int)
        let lanes = Lanes(x.shape, axis: axis)
        guard lanes.length > 0 else { throw ProgramError(.invalid, "of an axis without elements") }
        try op.emit {
            var result = 0
            lanes.forEach { start in
                y.ints[result] =
                    x.kind == .float
                    ? extreme(x.floats + start, lanes, largest) : extreme(x.ints + start, lanes, largest)
                result += 1
            }
        }
    }

    @inline(__always) private static func extreme<T: Comparable>(_ x: UnsafePointer<T>, _ lanes: Lanes, _ largest: Bool)
        -> Int32
    {
        var best = 0
        for i in 1..<max(1, lanes.length) {
            let (value, top) = (x[i * lanes.inner], x[best * lanes.inner])
            if largest ? value > top : value < top { best = i }
        }
        return Int32(best)
    }
}
