import MLProgram

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Functions of one argument, element by element. Epsilon's defaults are those of the operation definitions.
enum UnaryOperations {
    typealias Loop = (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void

    static var entries: [String: OperationTable.Compile] {
        [
            "abs": { try both($0, loop { abs($0) }, { $0 == .min ? $0 : abs($0) }) },
            "sign": { try both($0, loop { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }, { $0.signum() }) },
            "square": { try both($0, loop { $0 * $0 }, { $0 &* $0 }) },
            "ceil": { try floats($0, loop { $0.rounded(.up) }) },
            "floor": { try floats($0, loop { $0.rounded(.down) }) },
            "round": { try floats($0, loop { $0.rounded(.toNearestOrEven) }) },
            "sqrt": { try floats($0, loop { $0.squareRoot() }) },
            "exp2": { try floats($0, loop { exp2($0) }) },
            "sin": { try floats($0, loop { sin($0) }) },
            "cos": { try floats($0, loop { cos($0) }) },
            "tan": { try floats($0, loop { tan($0) }) },
            "asin": { try floats($0, loop { asin($0) }) },
            "acos": { try floats($0, loop { acos($0) }) },
            "atan": { try floats($0, loop { atan($0) }) },
            "atanh": { try floats($0, loop { atanh($0) }) },
            "sinh": { try floats($0, loop { sinh($0) }) },
            "cosh": { try floats($0, loop { cosh($0) }) },
            "erf": { try floats($0, loop { erff($0) }) },
            "rsqrt": { op in
                let epsilon = try op.float("epsilon", default: 1e-12)
                try floats(op, loop { 1 / ($0 + epsilon).squareRoot() })
            },
            "inverse": { op in
                let epsilon = try op.float("epsilon", default: 1e-4)
                try floats(op, loop { 1 / ($0 + epsilon) })
            },
            "log": { op in
                let epsilon = try op.float("epsilon", default: .leastNonzeroMagnitude)
                try floats(op, loop { log($0 + epsilon) })
            },
            "clip": { op in
                let low = try op.float("alpha")
                let high = try op.float("beta")
                try floats(op, loop { min(max($0, low), high) })
            },
            "threshold": { op in
                let low = try op.float("alpha")
                try floats(op, loop { max($0, low) })
            },
            "logical_not": logicalNot,
            "cast": cast,
            "identity": identity,
        ]
    }

    /// A loop over a function that the compiler can see through.
    @inline(__always) static func loop(_ function: @escaping (Float) -> Float) -> Loop {
        { x, y, count in
            for i in 0..<count { y[i] = function(x[i]) }
        }
    }

    static func floats(_ op: OpContext, _ loop: @escaping Loop) throws {
        let x = try op.operand("x")
        guard x.kind == .float else { throw ProgramError(.invalid, "needs floats, not \(x.dataType)") }
        let y = try op.output(shape: x.shape, kind: .float)
        try op.emit { loop(x.floats, y.floats, x.count) }
    }

    private static func both(_ op: OpContext, _ loop: @escaping Loop, _ integer: @escaping (Int32) -> Int32) throws {
        let x = try op.operand("x")
        if x.kind == .float { return try floats(op, loop) }
        let y = try op.output(shape: x.shape, kind: .int)
        try op.emit {
            for i in 0..<x.count { y.ints[i] = integer(x.ints[i]) }
        }
    }

    private static func logicalNot(_ op: OpContext) throws {
        let x = try op.operand("x")
        let y = try op.output(shape: x.shape, kind: .int)
        guard x.kind == .int else { throw ProgramError(.invalid, "needs booleans, not \(x.dataType)") }
        try op.emit {
            for i in 0..<x.count { y.ints[i] = x.ints[i] == 0 ? 1 : 0 }
        }
    }

    private static func identity(_ op: OpContext) throws {
        let source = try op.source("x")
        try op.view(of: source, shape: try op.operand(source).shape)
    }

    /// To integers: towards zero, held at the ends of the type's range; NaN becomes 0. To bool: whether it is not zero.
    private static func cast(_ op: OpContext) throws {
        let name = try op.string("dtype")
        guard let type = DataType(milName: name) else { throw ProgramError(.unsupported, "unknown data type \(name)") }
        let x = try op.operand("x")
        let y = try op.output(shape: x.shape)
        guard y.dataType == type else { throw ProgramError(.invalid, "casts to \(type), the program declares \(y.dataType)") }
        switch (x.kind, y.kind) {
        case (.float, .float):
            try op.emit { y.floats.update(from: x.floats, count: x.count) }
        case (.int, .float):
            try op.emit {
                for i in 0..<x.count { y.floats[i] = Float(x.ints[i]) }
            }
        case (_, .int):
            let convert = integerConversion(to: type)
            let fromFloat = x.kind == .float
            try op.emit {
                for i in 0..<x.count { y.ints[i] = convert(fromFloat ? Double(x.floats[i]) : Double(x.ints[i])) }
            }
        }
    }

    static func integerConversion(to type: DataType) -> (Double) -> Int32 {
        if type == .bool { return { $0 != 0 ? 1 : 0 } }
        let range = type.integerRange ?? Int64(Int32.min)...Int64(Int32.max)
        let low = Double(max(range.lowerBound, Int64(Int32.min)))
        let high = Double(min(range.upperBound, Int64(Int32.max)))
        return { value in value.isNaN ? 0 : Int32(min(max(value.rounded(.towardZero), low), high)) }
    }
}
