import CKernels
import MLProgram

/// conv over one to three spatial axes. Convolutions of size 1, which decoders use as linear layers, go to the kernels with
/// packed weights; others are summed directly.
enum ConvolutionOperations {
    static var entries: [String: OperationTable.Compile] {
        ["conv": convolution]
    }

    /// Sizes along the spatial axes.
    private struct Geometry {
        var input: [Int]
        var kernel: [Int]
        var strides: [Int]
        var dilations: [Int]
        var padBefore: [Int]
        var output: [Int]
    }

    private static func convolution(_ op: OpContext) throws {
        let x = try op.operand("x")
        let weightShape: [Int]
        switch try op.source("weight") {
        case .constant(let constant): weightShape = constant.shape
        case .runtime(let operand): weightShape = operand.shape
        case .state: throw ProgramError(.invalid, "a state where a tensor is needed")
        }
        let groups = try op.int("groups", default: 1)
        guard x.rank >= 3, x.rank <= 5, weightShape.count == x.rank, x.kind == .float, groups > 0,
            x.shape[1] == weightShape[1] * groups, weightShape[0] % groups == 0
        else { throw ProgramError(.invalid, "x \(x.shape), weight \(weightShape), \(groups) groups") }
        let bias = try op.optionalOperand("bias")
        try ProductOperations.checkBias(bias, weightShape[0])
        let geometry = try geometry(op, Array(x.shape.dropFirst(2)), Array(weightShape.dropFirst(2)))
        let y = try op.output(shape: [x.shape[0], weightShape[0]] + geometry.output, kind: .float)

        let pointwise = groups == 1 && geometry.kernel.allSatisfy { $0 == 1 } && geometry.output == geometry.input
        if pointwise, case .constant(let constant) = try op.source("weight") {
            return try pointwiseStep(op, x, try PackedMatrix(constant), bias, y)
        }
        let weight = try op.operand("weight")
        try op.emit { direct(x, weight, bias, y, groups, geometry) }
    }

    private static func geometry(_ op: OpContext, _ input: [Int], _ kernel: [Int]) throws -> Geometry {
        let ones = [Int](repeating: 1, count: input.count)
        let strides = try op.ints("strides") ?? ones
        let dilations = try op.ints("dilations") ?? ones
        guard strides.count == input.count, dilations.count == input.count, (strides + dilations).allSatisfy({ $0 > 0 }) else {
            throw ProgramError(.invalid, "strides \(strides), dilations \(dilations)")
        }
        var before = [Int](repeating: 0, count: input.count)
        var after = before
        switch try op.string("pad_type", default: "valid") {
        case "valid": break
        case "custom":
            let pad = try op.ints("pad") ?? []
            guard pad.count == 2 * input.count, pad.allSatisfy({ $0 >= 0 }) else { throw ProgramError(.invalid, "pad \(pad)") }
            for axis in input.indices { (before[axis], after[axis]) = (pad[2 * axis], pad[2 * axis + 1]) }
        case let type where type == "same" || type == "same_lower":
            for axis in input.indices {
                let output = (input[axis] + strides[axis] - 1) / strides[axis]
                let total = max(0, (output - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - input[axis])
                before[axis] = type == "same" ? total / 2 : total - total / 2
                after[axis] = total - before[axis]
            }
        case let type: throw ProgramError(.unsupported, "pad_type \(type)")
        }
        let output = try input.indices.map { axis -> Int in
            let room = input[axis] + before[axis] + after[axis] - (kernel[axis] - 1) * dilations[axis] - 1
            guard room >= 0 else { throw ProgramError(.invalid, "a kernel of \(kernel) does not fit \(input)") }
            return room / strides[axis] + 1
        }
        return Geometry(input: input, kernel: kernel, strides: strides, dilations: dilations, padBefore: before, output: output)
    }

    /// Channels come before positions: with more than one position, both sides are turned around the product.
    private static func pointwiseStep(_ op: OpContext, _ x: Operand, _ weight: PackedMatrix, _ bias: Operand?, _ y: Operand)
        throws
    {
        let (channels, outputs) = (weight.cols, weight.rows)
        let batches = x.shape[0]
        let positions = x.count / max(1, batches * channels)
        let pool = op.pool
        if positions == 1 {
            return try op.emit {
                weight.multiply(x.floats, rows: batches, bias: bias.map { UnsafePointer($0.floats) }, into: y.floats, pool)
            }
        }
        let turned = op.scratch(positions * channels)
        let product = op.scratch(positions * outputs)
        try op.emit {
            for batch in 0..<batches {
                ProductOperations.transpose(x.floats + batch * turned.count, turned.floats, rows: channels, cols: positions)
                weight.multiply(
                    turned.floats, rows: positions, bias: bias.map { UnsafePointer($0.floats) }, into: product.floats, pool)
                ProductOperations.transpose(product.floats, y.floats + batch * product.count, rows: positions, cols: outputs)
            }
        }
    }

    private static func direct(_ x: Operand, _ w: Operand, _ bias: Operand?, _ y: Operand, _ groups: Int, _ g: Geometry) {
        let rank = g.input.count
        let (inner, taps, outputs) = (Shapes.count(g.input), Shapes.count(g.kernel), Shapes.count(g.output))
        let inStrides = Shapes.strides(g.input)
        let kernelStrides = Shapes.strides(g.kernel)
        let outStrides = Shapes.strides(g.output)
        let perGroup = w.shape[1]
        let outPerGroup = w.shape[0] / groups
        var offsets = [Int](repeating: -1, count: taps)
        for position in 0..<outputs {
            // Where each tap of the kernel falls for this position, -1 in the padding.
            for tap in 0..<taps {
                var offset = 0
                for axis in 0..<rank {
                    let out = position / outStrides[axis] % g.output[axis]
                    let k = tap / kernelStrides[axis] % g.kernel[axis]
                    let place = out * g.strides[axis] + k * g.dilations[axis] - g.padBefore[axis]
                    if place < 0 || place >= g.input[axis] || offset < 0 {
                        offset = -1
                    } else {
                        offset += place * inStrides[axis]
                    }
                }
                offsets[tap] = offset
            }
            for batch in 0..<x.shape[0] {
                for out in 0..<w.shape[0] {
                    var sum = bias?.floats[out] ?? 0
                    let first = batch * x.shape[1] + out / outPerGroup * perGroup
                    for channel in 0..<perGroup {
                        let row = x.floats + (first + channel) * inner
                        let weights = w.floats + (out * perGroup + channel) * taps
                        for tap in 0..<taps where offsets[tap] >= 0 { sum += weights[tap] * row[offsets[tap]] }
                    }
                    y.floats[(batch * w.shape[0] + out) * outputs + position] = sum
                }
            }
        }
    }
}
