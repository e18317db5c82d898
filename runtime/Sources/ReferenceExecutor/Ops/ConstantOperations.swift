import MLProgram

/// const and the constexpr family: constants stay packed where a kernel can read them so.
enum ConstantOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "const": const,
            "constexpr_blockwise_shift_scale": blockwiseShiftScale,
            "constexpr_affine_dequantize": affineDequantize,
            "constexpr_lut_to_dense": lookUp,
            "constexpr_sparse_to_dense": sparseToDense,
            "constexpr_lut_to_sparse": lookUpSparse,
            "constexpr_sparse_blockwise_shift_scale": sparseBlockwise,
            "constexpr_cast": cast,
        ]
    }

    private static func const(_ op: OpContext) throws {
        guard let value = op.operation.attributes["val"] else { throw ProgramError(.torn, "no value") }
        try op.result(constant: try op.store.constant(value))
    }

    private static func checkBlocks(_ shape: [Int], _ scale: Constant, _ offset: Constant?) throws {
        guard shape.count == scale.shape.count, !shape.isEmpty,
            zip(shape, scale.shape).allSatisfy({ $1 > 0 && $0 % $1 == 0 })
        else { throw ProgramError(.invalid, "scale of shape \(scale.shape) does not divide data of shape \(shape)") }
        if let offset, offset.shape != scale.shape {
            throw ProgramError(.invalid, "offset of shape \(offset.shape) beside scale of shape \(scale.shape)")
        }
    }

    private static func blockwiseShiftScale(_ op: OpContext) throws {
        let data = try op.requireConstant("data")
        let scale = try op.requireConstant("scale")
        let offset = try op.constant("offset")
        try checkBlocks(data.shape, scale, offset)
        try op.result(
            constant: Constant(
                dataType: scale.dataType, shape: data.shape, payload: .blockwise(data: data, scale: scale, offset: offset),
                store: op.store))
    }

    /// iOS 16: scale and zero point are scalars or vectors along one axis. Written as blocks of the same meaning.
    private static func affineDequantize(_ op: OpContext) throws {
        let data = try op.requireConstant("quantized_data")
        let scale = try op.requireConstant("scale")
        let zero = try op.requireConstant("zero_point")
        let axis = try op.axis("axis", rank: data.shape.count)
        var blocks = [Int](repeating: 1, count: data.shape.count)
        if scale.count > 1 || zero.count > 1 { blocks[axis] = data.shape[axis] }
        let groups = Shapes.count(blocks)
        func spread(_ constant: Constant) throws -> Constant {
            guard constant.count == 1 || constant.count == groups else {
                throw ProgramError(.invalid, "\(constant.count) values for axis \(axis) of shape \(data.shape)")
            }
            let values = try numbers(constant)
            return op.store.floats((0..<groups).map { values[constant.count == 1 ? 0 : $0] }, .float32, blocks)
        }
        try op.result(
            constant: Constant(
                dataType: scale.dataType, shape: data.shape,
                payload: .blockwise(data: data, scale: try spread(scale), offset: try spread(zero)), store: op.store))
    }

    private static func cast(_ op: OpContext) throws {
        let source = try op.requireConstant("source_val")
        let declared = try op.declared()
        guard declared.dataType.isFloat else { throw ProgramError(.unsupported, "to \(declared.dataType)") }
        try op.result(
            constant: Constant(
                dataType: declared.dataType, shape: source.shape, payload: .dense(try source.dense()), store: op.store))
    }

    private static func lookUp(_ op: OpContext) throws {
        try op.result(constant: op.has("shape") ? try flatTable(op) : try groupedTable(op))
    }

    private static func packedBytes(_ constant: Constant) throws -> UnsafeRawBufferPointer {
        guard case .packed(let data) = constant.payload else { throw ProgramError(.unsupported, "indices that are computed") }
        return data
    }

    private static func bits(ofTable entries: Int) throws -> Int {
        for bits in [1, 2, 3, 4, 6, 8] where entries == 1 << bits { return bits }
        throw ProgramError(.invalid, "a look-up table of \(entries) entries")
    }

    /// iOS 16: one table for the whole tensor, indices packed into bytes.
    private static func flatTable(_ op: OpContext) throws -> Constant {
        let table = try op.requireConstant("lut")
        let indices = try op.requireConstant("indices")
        let shape = try op.requireConstant("shape").ints()
        let bits = try bits(ofTable: table.count)
        let count = try checkedCount(shape)
        guard indices.count == (count * bits + 7) / 8 else {
            throw ProgramError(.invalid, "\(indices.count) bytes of indices for \(count) elements of \(bits) bits")
        }
        return try lookup(op, try packedBytes(indices), bits, shape, [Int](repeating: 1, count: shape.count), table)
    }

    private static func lookup(
        _ op: OpContext, _ indices: UnsafeRawBufferPointer, _ bits: Int, _ shape: [Int], _ groups: [Int], _ table: Constant
    ) throws -> Constant {
        let floats = try numbers(table)
        let constant = op.store.floats(floats, .float32, [floats.count])
        return Constant(
            dataType: table.dataType, shape: shape,
            payload: .lookup(indices: indices, bits: bits, groups: groups, table: try constant.floats()), store: op.store)
    }

    /// iOS 18: a table per group of the indices' axes, whose entries may be vectors along an axis.
    private static func groupedTable(_ op: OpContext) throws -> Constant {
        let indices = try op.requireConstant("indices")
        let table = try op.requireConstant("lut")
        let rank = indices.shape.count
        guard rank > 0, table.shape.count == rank + 2 else {
            throw ProgramError(.invalid, "a table of rank \(table.shape.count) for indices of rank \(rank)")
        }
        let groups = Array(table.shape.prefix(rank))
        guard zip(indices.shape, groups).allSatisfy({ $1 > 0 && $0 % $1 == 0 }) else {
            throw ProgramError(.invalid, "table groups \(groups) do not divide indices of shape \(indices.shape)")
        }
        let bits = try bits(ofTable: table.shape[rank])
        guard indices.dataType.bits == bits else {
            throw ProgramError(.invalid, "\(indices.dataType) indices into \(table.shape[rank]) entries")
        }
        let width = table.shape[rank + 1]
        // A table of integers feeds another constexpr: it is unpacked, since no kernel reads it.
        if width == 1, table.kind == .float {
            return try lookup(op, try packedBytes(indices), bits, indices.shape, groups, table)
        }
        let axis = try op.axis("vector_axis", rank: rank, default: width == 1 ? 0 : nil)
        let found = try indices.ints()
        return try vectors(op, found, indices.shape, groups, table, axis: axis)
    }

    /// Looks up vectors of the table's last size, laid along `axis`.
    private static func vectors(
        _ op: OpContext, _ indices: [Int], _ shape: [Int], _ groups: [Int], _ table: Constant, axis: Int
    ) throws -> Constant {
        let entries = table.shape[shape.count]
        let width = table.shape[shape.count + 1]
        let values = try numbers(table)
        var result = shape
        result[axis] *= width
        var out = [Float](repeating: 0, count: Shapes.count(result))
        let inner = Shapes.count(Array(shape[(axis + 1)...]))
        Blockwise.forEachRun(shape, groups: groups) { start, length, group in
            for i in start..<start + length {
                let position = (i / inner) * inner * width + i % inner
                for lane in 0..<width { out[position + lane * inner] = values[(group * entries + indices[i]) * width + lane] }
            }
        }
        return table.kind == .float
            ? op.store.floats(out, table.dataType, result) : op.store.ints(out.map { Int32($0) }, table.dataType, result)
    }

    private static func numbers(_ constant: Constant) throws -> [Float] {
        if constant.kind == .int { return try constant.ints().map(Float.init) }
        let floats = try constant.floats()
        return (0..<constant.count).map { floats[$0] }
    }

    private static func checkedCount(_ shape: [Int]) throws -> Int {
        guard let count = TensorType(dataType: .float32, dimensions: shape).count, shape.allSatisfy({ $0 >= 0 }) else {
            throw ProgramError(.invalid, "shape \(shape)")
        }
        return count
    }

    // MARK: sparse

    /// Where the mask is set, the next of the nonzero values; 0 elsewhere.
    private static func scatter(_ values: [Float], _ mask: [Bool]) throws -> [Float] {
        var next = 0
        var out = [Float](repeating: 0, count: mask.count)
        for i in mask.indices where mask[i] {
            guard next < values.count else {
                throw ProgramError(.invalid, "the mask has more ones than the \(values.count) values")
            }
            out[i] = values[next]
            next += 1
        }
        guard next == values.count else { throw ProgramError(.invalid, "the mask has \(next) ones for \(values.count) values") }
        return out
    }

    private static func constant(_ op: OpContext, _ values: [Float], _ type: DataType, _ shape: [Int]) -> Constant {
        type.isFloat ? op.store.floats(values, type, shape) : op.store.ints(values.map { Int32($0) }, type, shape)
    }

    private static func sparseToDense(_ op: OpContext) throws {
        let nonzero = try op.requireConstant("nonzero_data")
        let mask = try op.requireConstant("mask")
        var shape = mask.shape
        var flags: [Bool]
        if op.has("shape") {
            shape = try op.requireConstant("shape").ints()
            let count = try checkedCount(shape)
            let bytes = try packedBytes(mask)
            guard bytes.count == (count + 7) / 8 else {
                throw ProgramError(.invalid, "a mask of \(bytes.count) bytes for \(count) elements")
            }
            flags = (0..<count).map { bytes.bits(1, $0) != 0 }
        } else {
            flags = try mask.ints().map { $0 != 0 }
        }
        let dense = try scatter(try numbers(nonzero), flags)
        try op.result(constant: constant(op, dense, nonzero.dataType, shape))
    }

    private static func lookUpSparse(_ op: OpContext) throws {
        let mask = try op.requireConstant("indices_mask")
        let indices = try op.requireConstant("indices_nonzero_data")
        let table = try op.requireConstant("lut")
        let rank = mask.shape.count
        guard rank > 0, table.shape.count == rank + 2, zip(mask.shape, table.shape).allSatisfy({ $1 > 0 && $0 % $1 == 0 })
        else {
            throw ProgramError(.invalid, "a table of shape \(table.shape) for a mask of shape \(mask.shape)")
        }
        let width = table.shape[rank + 1]
        let axis = try op.axis("vector_axis", rank: rank, default: width == 1 ? 0 : nil)
        let flags = try mask.ints()
        let dense = try scatter(try numbers(indices), flags.map { $0 != 0 }).map { Int($0) }
        guard dense.allSatisfy({ $0 < table.shape[rank] }) else { throw ProgramError(.invalid, "an index beyond the table") }
        let found = try vectors(op, dense, mask.shape, Array(table.shape.prefix(rank)), table, axis: axis)
        let inner = Shapes.count(Array(mask.shape[(axis + 1)...]))
        let wideFlags = (0..<found.count).map { flags[$0 / (inner * width) * inner + $0 % inner] }
        let values = try numbers(found)
        let kept = values.indices.filter { wideFlags[$0] != 0 }.map { values[$0] }
        try op.result(0, constant: op.store.ints(wideFlags.map(Int32.init), mask.dataType, found.shape))
        try op.result(1, constant: constant(op, kept, table.dataType, [kept.count]))
    }

    private static func sparseBlockwise(_ op: OpContext) throws {
        let mask = try op.requireConstant("data_mask")
        let nonzero = try op.requireConstant("nonzero_data")
        let scale = try op.requireConstant("scale")
        let offset = try op.constant("offset")
        try checkBlocks(mask.shape, scale, offset)
        let flags = try mask.ints()
        let data = op.store.floats(try scatter(try numbers(nonzero), flags.map { $0 != 0 }), .float32, mask.shape)
        let memory = op.store.allocate(bytes: data.count * 4).assumingMemoryBound(to: Float.self)
        try Blockwise.expand(data, scale, offset, into: memory)
        let kept = flags.indices.filter { flags[$0] != 0 }.map { memory[$0] }
        try op.result(0, constant: mask)
        try op.result(1, constant: op.store.floats(kept, scale.dataType, [kept.count]))
    }
}
