import CKernels
import MLProgram

/// layer_norm, batch_norm, instance_norm, l2_norm.
enum NormalizationOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "layer_norm": layerNorm,
            "batch_norm": batchNorm,
            "instance_norm": instanceNorm,
            "l2_norm": l2Norm,
        ]
    }

    private static func input(_ op: OpContext, minimumRank: Int) throws -> Operand {
        let x = try op.operand("x")
        guard x.kind == .float, x.rank >= minimumRank else {
            throw ProgramError(.invalid, "needs floats of rank \(minimumRank) or more, not \(x.dataType) \(x.shape)")
        }
        return x
    }

    /// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta over `axes`; gamma and beta have the shape of those axes.
    private static func layerNorm(_ op: OpContext) throws {
        let x = try input(op, minimumRank: 1)
        let axes = try op.axes("axes", rank: x.rank) ?? Array(0..<x.rank)
        let gamma = try op.optionalOperand("gamma")
        let beta = try op.optionalOperand("beta")
        let epsilon = try op.float("epsilon", default: 1e-5)
        let rows = ReducedRows(x.shape, axes: axes)
        for weight in [gamma, beta].compactMap({ $0 }) where weight.count != rows.length {
            throw ProgramError(.invalid, "gamma or beta \(weight.shape) for axes \(axes) of \(x.shape)")
        }
        let y = try op.output(shape: x.shape, kind: .float)
        let row = rows.isContiguous ? nil : op.scratch(rows.length)
        try op.emit {
            rows.forEach { index in
                let line = rows.load(x.floats, index, row?.floats)
                let out = row?.floats ?? y.floats + index * rows.length
                normalize(line, out, rows.length, epsilon, gamma?.floats, beta?.floats)
                if row != nil { rows.store(out, index, y.floats) }
            }
        }
    }

    private static func normalize(
        _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, _ epsilon: Float,
        _ gamma: UnsafePointer<Float>?, _ beta: UnsafePointer<Float>?
    ) {
        let mean = ck_sum(x, Int64(count)) / Float(count)
        for i in 0..<count { y[i] = x[i] - mean }
        let variance = ck_sum_squares(y, Int64(count)) / Float(count)
        let factor = 1 / (variance + epsilon).squareRoot()
        for i in 0..<count { y[i] = y[i] * factor * (gamma?[i] ?? 1) + (beta?[i] ?? 0) }
    }

    /// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta per channel, axis 1.
    private static func batchNorm(_ op: OpContext) throws {
        let x = try input(op, minimumRank: 3)
        let mean = try op.operand("mean")
        let variance = try op.operand("variance")
        let gamma = try op.optionalOperand("gamma")
        let beta = try op.optionalOperand("beta")
        let epsilon = try op.float("epsilon", default: 1e-5)
        let channels = x.shape[1]
        for part in [mean, variance, gamma, beta].compactMap({ $0 }) where part.count != channels {
            throw ProgramError(.invalid, "\(part.shape) for \(channels) channels")
        }
        let inner = Shapes.count(Array(x.shape.dropFirst(2)))
        let y = try op.output(shape: x.shape, kind: .float)
        try op.emit {
            for line in 0..<x.count / max(1, inner) {
                let channel = line % channels
                let factor = (gamma?.floats[channel] ?? 1) / (variance.floats[channel] + epsilon).squareRoot()
                let shift = (beta?.floats[channel] ?? 0) - mean.floats[channel] * factor
                for i in line * inner..<(line + 1) * inner { y.floats[i] = x.floats[i] * factor + shift }
            }
        }
    }

    /// The same with mean and variance of each channel of each batch.
    private static func instanceNorm(_ op: OpContext) throws {
        let x = try input(op, minimumRank: 3)
        let gamma = try op.optionalOperand("gamma")
        let beta = try op.optionalOperand("beta")
        let epsilon = try op.float("epsilon", default: 1e-5)
        let channels = x.shape[1]
        for part in [gamma, beta].compactMap({ $0 }) where part.count != channels {
            throw ProgramError(.invalid, "\(part.shape) for \(channels) channels")
        }
        let inner = Shapes.count(Array(x.shape.dropFirst(2)))
        let y = try op.output(shape: x.shape, kind: .float)
        try op.emit {
            for line in 0..<x.count / max(1, inner) {
                let out = y.floats + line * inner
                normalize(x.floats + line * inner, out, inner, epsilon, nil, nil)
                let (factor, shift) = (gamma?.floats[line % channels] ?? 1, beta?.floats[line % channels] ?? 0)
                for i in 0..<inner { out[i] = out[i] * factor + shift }
            }
        }
    }

    /// y = x / sqrt(sum of squares over the last three axes + epsilon).
    private static func l2Norm(_ op: OpContext) throws {
        let x = try input(op, minimumRank: 3)
        let epsilon = try op.float("epsilon", default: 1e-6)
        let length = Shapes.count(Array(x.shape.suffix(3)))
        let y = try op.output(shape: x.shape, kind: .float)
        try op.emit {
            for row in 0..<x.count / max(1, length) {
                let line = x.floats + row * length
                let factor = 1 / (ck_sum_squares(line, Int64(length)) + epsilon).squareRoot()
                for i in 0..<length { y.floats[row * length + i] = line[i] * factor }
            }
        }
    }
}

/// The groups of elements that share all indices but those of some axes. When the axes are the last ones, each group is a
/// contiguous row; otherwise rows are copied together and back.
struct ReducedRows {
    /// Elements of a group.
    let length: Int
    /// Groups.
    let count: Int
    let isContiguous: Bool
    private let starts: [Int]
    private let steps: [Int]

    init(_ shape: [Int], axes: [Int]) {
        let strides = Shapes.strides(shape)
        let kept = shape.indices.filter { !axes.contains($0) }
        length = axes.reduce(1) { $0 * shape[$1] }
        count = kept.reduce(1) { $0 * shape[$1] }
        isContiguous = (axes.first.map { Array($0..<shape.count) == axes } ?? true)
        starts = isContiguous ? [] : ReducedRows.offsets(kept.map { shape[$0] }, kept.map { strides[$0] })
        steps = isContiguous ? [] : ReducedRows.offsets(axes.map { shape[$0] }, axes.map { strides[$0] })
    }

    private static func offsets(_ sizes: [Int], _ strides: [Int]) -> [Int] {
        zip(sizes, strides).reduce([0]) { offsets, axis in
            offsets.flatMap { base in (0..<axis.0).map { base + $0 * axis.1 } }
        }
    }

    @inline(__always) func forEach(_ body: (Int) -> Void) {
        for index in 0..<count { body(index) }
    }

    /// Row `index`: in place, or copied to `row`.
    @inline(__always) func load<T>(_ x: UnsafePointer<T>, _ index: Int, _ row: UnsafeMutablePointer<T>?) -> UnsafePointer<T> {
        guard let row, !isContiguous else { return x + index * length }
        for i in 0..<length { row[i] = x[starts[index] + steps[i]] }
        return UnsafePointer(row)
    }

    /// Copies a row back to where its elements lie.
    @inline(__always) func store<T>(_ row: UnsafePointer<T>, _ index: Int, _ y: UnsafeMutablePointer<T>) {
        for i in 0..<length { y[starts[index] + steps[i]] = row[i] }
    }
}
