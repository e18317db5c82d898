import CKernels
import MLProgram

/// linear and matmul. Constant weights stay packed; everything else is multiplied as floats.
enum ProductOperations {
    static var entries: [String: OperationTable.Compile] {
        ["linear": linear, "matmul": matmul]
    }

    /// y = x * weight^T + bias; x [.., in], weight [out, in], bias [out].
    private static func linear(_ op: OpContext) throws {
        let x = try op.operand("x")
        guard let cols = x.shape.last, x.kind == .float else {
            throw ProgramError(.invalid, "x of shape \(x.shape) and type \(x.dataType)")
        }
        let rows = x.shape.dropLast().reduce(1, *)
        let bias = try op.optionalOperand("bias")
        if case .runtime(let weight) = try op.source("weight") {
            guard weight.rank == 2, weight.shape[1] == cols else {
                throw ProgramError(.invalid, "weight \(weight.shape) for x \(x.shape)")
            }
            return try product(
                op, x.reshaped([rows, cols]), try op.operand("weight"), transposeX: false, transposeY: true,
                shape: Array(x.shape.dropLast()) + [weight.shape[0]], bias: bias)
        }
        let constant = try op.requireConstant("weight")
        guard constant.shape.count == 2, constant.shape[1] == cols else {
            throw ProgramError(.invalid, "weight \(constant.shape) for x \(x.shape)")
        }
        let weight = try PackedMatrix(constant)
        try checkBias(bias, weight.rows)
        let y = try op.output(shape: Array(x.shape.dropLast()) + [weight.rows], kind: .float)
        let pool = op.pool
        try op.emit { weight.multiply(x.floats, rows: rows, bias: bias.map { UnsafePointer($0.floats) }, into: y.floats, pool) }
    }

    static func checkBias(_ bias: Operand?, _ rows: Int) throws {
        if let bias, bias.count != rows || bias.kind != .float {
            throw ProgramError(.invalid, "bias of \(bias.count) elements for \(rows) outputs")
        }
    }

    private static func matmul(_ op: OpContext) throws {
        let transposeX = try op.bool("transpose_x", default: false)
        let transposeY = try op.bool("transpose_y", default: false)
        let x = try op.operand("x")
        if !transposeX, transposeY, x.rank >= 2, case .constant(let constant) = try op.source("y"), constant.shape.count == 2 {
            guard constant.shape[1] == x.shape[x.rank - 1], x.kind == .float else {
                throw ProgramError(.invalid, "y \(constant.shape) for x \(x.shape)")
            }
            let weight = try PackedMatrix(constant)
            let y = try op.output(shape: Array(x.shape.dropLast()) + [weight.rows], kind: .float)
            let rows = x.shape.dropLast().reduce(1, *)
            let pool = op.pool
            return try op.emit { weight.multiply(x.floats, rows: rows, bias: nil, into: y.floats, pool) }
        }
        let y = try op.operand("y")
        try product(op, x, y, transposeX: transposeX, transposeY: transposeY, shape: nil, bias: nil)
    }

    /// A batched product with numpy's rules: vectors are promoted, leading axes broadcast.
    private static func product(
        _ op: OpContext, _ x: Operand, _ y: Operand, transposeX: Bool, transposeY: Bool, shape declared: [Int]?, bias: Operand?
    ) throws {
        guard x.rank > 0, y.rank > 0, x.kind == .float, y.kind == .float else {
            throw ProgramError(.unsupported, "a product of \(x.dataType) \(x.shape) and \(y.dataType) \(y.shape)")
        }
        let left = x.rank == 1 ? [1, x.count] : x.shape
        let right = y.rank == 1 ? (transposeY ? [1, y.count] : [y.count, 1]) : y.shape
        let (m, k) =
            transposeX && x.rank > 1
            ? (left[left.count - 1], left[left.count - 2]) : (left[left.count - 2], left[left.count - 1])
        let (k2, n) =
            transposeY ? (right[right.count - 1], right[right.count - 2]) : (right[right.count - 2], right[right.count - 1])
        guard k == k2, let batch = Shapes.broadcast(Array(left.dropLast(2)), Array(right.dropLast(2))) else {
            throw ProgramError(.invalid, "x \(x.shape) and y \(y.shape) do not multiply")
        }
        var shape = batch
        if x.rank > 1 { shape.append(m) }
        if y.rank > 1 { shape.append(n) }
        let z = try op.output(shape: declared ?? shape, kind: .float)
        try checkBias(bias, n)
        let plan = BatchedProduct(
            batch: batch, left: Array(left.dropLast(2)), right: Array(right.dropLast(2)), m: m, n: n, k: k,
            transposedB: transposeY)
        let pool = op.pool
        guard transposeX, x.rank > 1 else {
            return try op.emit {
                plan.run(x.floats, y.floats, z.floats, pool)
                add(bias, to: z, n)
            }
        }
        let turned = op.scratch(x.count)
        let matrices = x.count / max(1, m * k)
        try op.emit {
            for matrix in 0..<matrices {
                transpose(x.floats + matrix * m * k, turned.floats + matrix * m * k, rows: k, cols: m)
            }
            plan.run(turned.floats, y.floats, z.floats, pool)
            add(bias, to: z, n)
        }
    }

    private static func add(_ bias: Operand?, to y: Operand, _ n: Int) {
        guard let bias, n > 0 else { return }
        for row in 0..<y.count / n {
            for i in 0..<n { y.floats[row * n + i] += bias.floats[i] }
        }
    }

    /// out [cols, rows] = in [rows, cols] turned.
    static func transpose(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, rows: Int, cols: Int) {
        for row in 0..<rows {
            for col in 0..<cols { out[col * rows + row] = x[row * cols + col] }
        }
    }
}

/// A product per batch, where the operands' leading axes broadcast to the batch's.
struct BatchedProduct {
    let m: Int
    let n: Int
    let k: Int
    let transposedB: Bool
    private let aOffsets: [Int64]
    private let bOffsets: [Int64]
    private let yOffsets: [Int64]

    init(batch: [Int], left: [Int], right: [Int], m: Int, n: Int, k: Int, transposedB: Bool) {
        (self.m, self.n, self.k, self.transposedB) = (m, n, k, transposedB)
        func offsets(_ shape: [Int], _ size: Int) -> [Int64] {
            let strides = Shapes.broadcastStrides(shape, to: batch)
            let own = Shapes.strides(batch)
            return (0..<Shapes.count(batch)).map { index in
                var rest = index
                var offset = 0
                for axis in own.indices {
                    offset += rest / own[axis] * strides[axis]
                    rest %= own[axis]
                }
                return Int64(offset * size)
            }
        }
        aOffsets = offsets(left, m * k)
        bOffsets = offsets(right, n * k)
        yOffsets = offsets(batch, m * n)
    }

    func run(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ pool: ThreadPool) {
        aOffsets.withUnsafeBufferPointer { aOffsets in
            bOffsets.withUnsafeBufferPointer { bOffsets in
                yOffsets.withUnsafeBufferPointer { yOffsets in
                    var job = ck_batch()
                    job.count = Int64(yOffsets.count)
                    (job.m, job.n, job.k) = (Int64(m), Int64(n), Int64(k))
                    job.transposed_b = transposedB ? 1 : 0
                    (job.a, job.b, job.y) = (a, b, y)
                    (job.a_offset, job.b_offset, job.y_offset) = (
                        aOffsets.baseAddress, bOffsets.baseAddress, yOffsets.baseAddress
                    )
                    ck_matmul(pool.handle, &job)
                }
            }
        }
    }
}
