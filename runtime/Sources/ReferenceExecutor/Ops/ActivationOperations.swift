import CKernels
import MLProgram

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Activations. The common ones run in the kernels.
enum ActivationOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "exp": { try kernel($0, CK_EXP) },
            "sigmoid": { try kernel($0, CK_SIGMOID) },
            "silu": { try kernel($0, CK_SILU) },
            "tanh": { try kernel($0, CK_TANH) },
            "gelu": gelu,
            "softmax": softmax,
            "relu": { try UnaryOperations.floats($0, UnaryOperations.loop { max($0, 0) }) },
            "relu6": { try UnaryOperations.floats($0, UnaryOperations.loop { min(max($0, 0), 6) }) },
            "softplus": { try UnaryOperations.floats($0, UnaryOperations.loop { softplus($0) }) },
            "softsign": { try UnaryOperations.floats($0, UnaryOperations.loop { $0 / (1 + abs($0)) }) },
            "elu": { op in
                let alpha = try op.float("alpha")
                try UnaryOperations.floats(op, UnaryOperations.loop { $0 > 0 ? $0 : alpha * (exp($0) - 1) })
            },
            "leaky_relu": { op in
                let alpha = try op.float("alpha")
                try UnaryOperations.floats(op, UnaryOperations.loop { $0 >= 0 ? $0 : alpha * $0 })
            },
            "thresholded_relu": { op in
                let alpha = try op.float("alpha")
                try UnaryOperations.floats(op, UnaryOperations.loop { $0 >= alpha ? $0 : 0 })
            },
            "linear_activation": { op in
                let (alpha, beta) = (try op.float("alpha"), try op.float("beta"))
                try UnaryOperations.floats(op, UnaryOperations.loop { alpha * $0 + beta })
            },
            "clamped_relu": { op in
                let (alpha, beta) = (try op.float("alpha"), try op.float("beta"))
                try UnaryOperations.floats(op, UnaryOperations.loop { $0 >= 0 ? min($0, beta) : min(beta, alpha * $0) })
            },
            "scaled_tanh": { op in
                let (alpha, beta) = (try op.float("alpha"), try op.float("beta"))
                try UnaryOperations.floats(op, UnaryOperations.loop { alpha * tanh(beta * $0) })
            },
            "sigmoid_hard": { op in
                let (alpha, beta) = (try op.float("alpha"), try op.float("beta"))
                try UnaryOperations.floats(op, UnaryOperations.loop { min(max(alpha * $0 + beta, 0), 1) })
            },
            "prelu": prelu,
        ]
    }

    /// log(1 + e^x) without overflow.
    private static func softplus(_ x: Float) -> Float { max(x, 0) + log1p(exp(-abs(x))) }

    private static func kernel(_ op: OpContext, _ function: ck_function) throws {
        let x = try op.operand("x")
        let y = try op.output(shape: x.shape, kind: .float)
        guard x.kind == .float else { throw ProgramError(.invalid, "needs floats, not \(x.dataType)") }
        try op.emit { ck_apply(function, x.floats, y.floats, Int64(x.count)) }
    }

    private static func gelu(_ op: OpContext) throws {
        switch try op.string("mode", default: "EXACT") {
        case "EXACT": try UnaryOperations.floats(op, UnaryOperations.loop { 0.5 * $0 * (1 + erff($0 * 0.70710678)) })
        case "TANH_APPROXIMATION": try kernel(op, CK_GELU_TANH)
        case "SIGMOID_APPROXIMATION": try kernel(op, CK_GELU_SIGMOID)
        case let mode: throw ProgramError(.unsupported, "gelu mode \(mode)")
        }
    }

    private static func softmax(_ op: OpContext) throws {
        let x = try op.operand("x")
        guard x.kind == .float, x.rank > 0 else { throw ProgramError(.invalid, "needs floats of rank 1 or more") }
        let axis = try op.axis("axis", rank: x.rank, default: -1)
        let y = try op.output(shape: x.shape, kind: .float)
        let lanes = Lanes(x.shape, axis: axis)
        let pool = op.pool
        if lanes.inner == 1 {
            return try op.emit { ck_softmax(pool.handle, x.floats, y.floats, Int64(lanes.outer), Int64(lanes.length)) }
        }
        let row = op.scratch(lanes.length)
        try op.emit {
            lanes.forEach { start in
                for i in 0..<lanes.length { row.floats[i] = x.floats[start + i * lanes.inner] }
                ck_softmax(nil, row.floats, row.floats, 1, Int64(lanes.length))
                for i in 0..<lanes.length { y.floats[start + i * lanes.inner] = row.floats[i] }
            }
        }
    }

    /// alpha has one value per channel, axis 1.
    private static func prelu(_ op: OpContext) throws {
        let x = try op.operand("x")
        let alpha = try op.operand("alpha")
        guard x.rank >= 3, alpha.shape == [x.shape[1]] || alpha.count == 1 else {
            throw ProgramError(.invalid, "alpha of shape \(alpha.shape) for x of shape \(x.shape)")
        }
        let y = try op.output(shape: x.shape, kind: .float)
        let lanes = Lanes(x.shape, axis: 1)
        try op.emit {
            for i in 0..<x.count {
                let channel = alpha.count == 1 ? 0 : i / lanes.inner % lanes.length
                y.floats[i] = x.floats[i] >= 0 ? x.floats[i] : alpha.floats[channel] * x.floats[i]
            }
        }
    }
}

/// The lines of a contiguous tensor along one axis: `outer * inner` lines of `length` elements, `inner` apart.
struct Lanes {
    let outer: Int
    let length: Int
    let inner: Int

    init(_ shape: [Int], axis: Int) {
        outer = Shapes.count(Array(shape[..<axis]))
        length = shape[axis]
        inner = Shapes.count(Array(shape[(axis + 1)...]))
    }

    /// Calls `body` with the offset of each line's first element.
    @inline(__always) func forEach(_ body: (Int) -> Void) {
        for block in 0..<outer {
            for position in 0..<inner { body(block * length * inner + position) }
        }
    }
}
