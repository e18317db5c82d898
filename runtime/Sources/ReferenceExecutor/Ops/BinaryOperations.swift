import MLProgram

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Functions of two arguments with broadcasting: arithmetic, comparisons, logic.
enum BinaryOperations {
    /// y[i] = f(a[i * stepA], b[i * stepB]) for a run of elements.
    typealias FloatRun = (UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int) -> Void
    typealias TestRun = (UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, UnsafeMutablePointer<Int32>, Int) -> Void
    typealias IntRun = (UnsafePointer<Int32>, Int, UnsafePointer<Int32>, Int, UnsafeMutablePointer<Int32>, Int) -> Void

    static var entries: [String: OperationTable.Compile] {
        [
            "add": { try arithmetic($0, run { $0 + $1 }, intRun { $0 &+ $1 }) },
            "sub": { try arithmetic($0, run { $0 - $1 }, intRun { $0 &- $1 }) },
            "mul": { try arithmetic($0, run { $0 * $1 }, intRun { $0 &* $1 }) },
            "real_div": {
                try arithmetic($0, run { $0 / $1 }, intRun { $1 == 0 ? 0 : Int32(truncatingIfNeeded: Int64($0) / Int64($1)) })
            },
            "floor_div": { try arithmetic($0, run { ($0 / $1).rounded(.down) }, intRun { floorDivide($0, $1) }) },
            "mod": {
                try arithmetic($0, run { floorModulo($0, $1) }, intRun { $1 == 0 ? 0 : $0 &- floorDivide($0, $1) &* $1 })
            },
            "maximum": { try arithmetic($0, run { $0 > $1 || $0.isNaN ? $0 : $1 }, intRun { max($0, $1) }) },
            "minimum": { try arithmetic($0, run { $0 < $1 || $0.isNaN ? $0 : $1 }, intRun { min($0, $1) }) },
            "pow": {
                try arithmetic(
                    $0, run { pow($0, $1) }, intRun { Int32(truncatingIfNeeded: clamped(pow(Double($0), Double($1)))) })
            },
            "equal": { try comparison($0, test { $0 == $1 }, intRun { $0 == $1 ? 1 : 0 }) },
            "not_equal": { try comparison($0, test { $0 != $1 }, intRun { $0 != $1 ? 1 : 0 }) },
            "less": { try comparison($0, test { $0 < $1 }, intRun { $0 < $1 ? 1 : 0 }) },
            "less_equal": { try comparison($0, test { $0 <= $1 }, intRun { $0 <= $1 ? 1 : 0 }) },
            "greater": { try comparison($0, test { $0 > $1 }, intRun { $0 > $1 ? 1 : 0 }) },
            "greater_equal": { try comparison($0, test { $0 >= $1 }, intRun { $0 >= $1 ? 1 : 0 }) },
            "logical_and": { try comparison($0, nil, intRun { $0 != 0 && $1 != 0 ? 1 : 0 }) },
            "logical_or": { try comparison($0, nil, intRun { $0 != 0 || $1 != 0 ? 1 : 0 }) },
            "logical_xor": { try comparison($0, nil, intRun { ($0 != 0) != ($1 != 0) ? 1 : 0 }) },
        ]
    }

    private static func floorDivide(_ a: Int32, _ b: Int32) -> Int32 {
        guard b != 0 else { return 0 }
        let (x, y) = (Int64(a), Int64(b))
        let quotient = x / y
        return Int32(truncatingIfNeeded: x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient)
    }

    private static func floorModulo(_ a: Float, _ b: Float) -> Float {
        let rest = fmodf(a, b)
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
    }

    private static func clamped(_ value: Double) -> Int64 {
        value.isNaN ? 0 : Int64(min(max(value, -9e18), 9e18))
    }

    /// Loops with the steps spelled out, so that the compiler vectorises the usual ones.
    @inline(__always) private static func run(_ f: @escaping (Float, Float) -> Float) -> FloatRun {
        { a, stepA, b, stepB, y, count in
            if stepA == 1, stepB == 1 {
                for i in 0..<count { y[i] = f(a[i], b[i]) }
            } else if stepA == 1, stepB == 0 {
                let right = b[0]
                for i in 0..<count { y[i] = f(a[i], right) }
            } else {
                for i in 0..<count { y[i] = f(a[i &* stepA], b[i &* stepB]) }
            }
        }
    }

    @inline(__always) private static func intRun(_ f: @escaping (Int32, Int32) -> Int32) -> IntRun {
        { a, stepA, b, stepB, y, count in
            for i in 0..<count { y[i] = f(a[i &* stepA], b[i &* stepB]) }
        }
    }

    @inline(__always) private static func test(_ f: @escaping (Float, Float) -> Bool) -> TestRun {
        { a, stepA, b, stepB, y, count in
            for i in 0..<count { y[i] = f(a[i &* stepA], b[i &* stepB]) ? 1 : 0 }
        }
    }

    private static func arguments(_ op: OpContext) throws -> (x: Operand, y: Operand, shape: [Int], walk: StridedWalk) {
        let x = try op.operand("x")
        let y = try op.operand("y")
        guard let shape = Shapes.broadcast(x.shape, y.shape) else {
            throw ProgramError(.invalid, "shapes \(x.shape) and \(y.shape) do not broadcast")
        }
        guard x.kind == y.kind else { throw ProgramError(.invalid, "\(x.dataType) and \(y.dataType)") }
        let strides = [Shapes.broadcastStrides(x.shape, to: shape), Shapes.broadcastStrides(y.shape, to: shape)]
        return (x, y, shape, StridedWalk(shape, strides: strides))
    }

    private static func arithmetic(_ op: OpContext, _ floats: @escaping FloatRun, _ ints: @escaping IntRun) throws {
        let (x, y, shape, walk) = try arguments(op)
        let z = try op.output(shape: shape, kind: x.kind)
        guard z.count > 0 else { return try op.emit {} }
        let (stepX, stepY, length) = (walk.runStrides[0], walk.runStrides[1], walk.run)
        try op.emit {
            var position = 0
            walk.forEachRun { a, b in
                if x.kind == .float {
                    floats(x.floats + a, stepX, y.floats + b, stepY, z.floats + position, length)
                } else {
                    ints(x.ints + a, stepX, y.ints + b, stepY, z.ints + position, length)
                }
                position += length
            }
        }
    }

    private static func comparison(_ op: OpContext, _ floats: TestRun?, _ ints: @escaping IntRun) throws {
        let (x, y, shape, walk) = try arguments(op)
        if x.kind == .float, floats == nil { throw ProgramError(.invalid, "needs booleans, not \(x.dataType)") }
        let z = try op.output(shape: shape, kind: .int)
        guard z.count > 0 else { return try op.emit {} }
        let (stepX, stepY, length) = (walk.runStrides[0], walk.runStrides[1], walk.run)
        try op.emit {
            var position = 0
            walk.forEachRun { a, b in
                if x.kind == .float {
                    floats?(x.floats + a, stepX, y.floats + b, stepY, z.ints + position, length)
                } else {
                    ints(x.ints + a, stepX, y.ints + b, stepY, z.ints + position, length)
                }
                position += length
            }
        }
    }
}
