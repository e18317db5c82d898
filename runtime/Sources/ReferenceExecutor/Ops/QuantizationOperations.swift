import MLProgram

/// quantize and dequantize of values at run time: scale and zero point are scalars or vectors along an axis.
enum QuantizationOperations {
    static var entries: [String: OperationTable.Compile] {
        ["quantize": quantize, "dequantize": dequantize]
    }

    private struct Parameters {
        let x: Operand
        let scale: Operand
        let zero: Operand?
        let lanes: Lanes

        init(_ op: OpContext) throws {
            x = try op.operand("input")
            scale = try op.operand("scale")
            zero = try op.optionalOperand("zero_point")
            if scale.count == 1, scale.rank == 0 {
                lanes = Lanes([1, x.count], axis: 0)
            } else {
                lanes = Lanes(x.shape, axis: try op.axis("axis", rank: x.rank))
            }
            guard scale.count == lanes.length, (zero?.count ?? lanes.length) == lanes.length, scale.kind == .float else {
                throw ProgramError(.invalid, "scale \(scale.shape) for \(x.shape)")
            }
        }

        @inline(__always) func channel(_ i: Int) -> Int { i / lanes.inner % lanes.length }
    }

    /// clip(round(x / scale) + zero point), ties to even.
    private static func quantize(_ op: OpContext) throws {
        let p = try Parameters(op)
        let name = try op.string("output_dtype")
        guard let type = DataType(milName: name), let range = type.integerRange else {
            throw ProgramError(.unsupported, "output_dtype \(name)")
        }
        let y = try op.output(shape: p.x.shape, kind: .int)
        let (low, high) = (Float(range.lowerBound), Float(range.upperBound))
        guard p.x.kind == .float else { throw ProgramError(.invalid, "needs floats, not \(p.x.dataType)") }
        try op.emit {
            for i in 0..<p.x.count {
                let channel = p.channel(i)
                let value =
                    (p.x.floats[i] / p.scale.floats[channel]).rounded(.toNearestOrEven) + Float(p.zero?.ints[channel] ?? 0)
                y.ints[i] = value.isNaN ? 0 : Int32(min(max(value, low), high))
            }
        }
    }

    /// scale * (x - zero point)
    private static func dequantize(_ op: OpContext) throws {
        let p = try Parameters(op)
        guard p.x.kind == .int else { throw ProgramError(.invalid, "needs integers, not \(p.x.dataType)") }
        let y = try op.output(shape: p.x.shape, kind: .float)
        try op.emit {
            for i in 0..<p.x.count {
                let channel = p.channel(i)
                y.floats[i] = p.scale.floats[channel] * Float(p.x.ints[i] - (p.zero?.ints[channel] ?? 0))
            }
        }
    }
}
