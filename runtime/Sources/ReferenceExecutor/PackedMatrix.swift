import CKernels
import MLProgram

/// A constant as the kernels read it: packed where the kernels know the packing, plain floats otherwise. Keeps the
/// constants alive whose memory the kernels read.
struct PackedMatrix: @unchecked Sendable {
    private(set) var matrix: ck_matrix
    private let keepers: [Constant]

    var rows: Int { Int(matrix.rows) }
    var cols: Int { Int(matrix.cols) }

    /// The constant as a matrix of `shape[0]` rows and all else as columns.
    init(_ constant: Constant) throws {
        guard let rows = constant.shape.first, constant.kind == .float else {
            throw ProgramError(
                .invalid, "a weight must be a float tensor of rank 1 or more, not \(constant.dataType) \(constant.shape)")
        }
        let cols = rows == 0 ? 0 : constant.count / rows
        if let packed = PackedMatrix.packed(constant, rows, cols) {
            matrix = packed
        } else {
            matrix = ck_matrix()
            matrix.type = CK_F32
            matrix.data = UnsafeRawPointer(try constant.floats())
        }
        matrix.rows = Int64(rows)
        matrix.cols = Int64(cols)
        matrix.stride = Int64(cols)
        if case .blockwise(let data, let scale, let offset) = constant.payload {
            keepers = [constant, data, scale] + (offset.map { [$0] } ?? [])
        } else {
            keepers = [constant]
        }
    }

    private static func packed(_ constant: Constant, _ rows: Int, _ cols: Int) -> ck_matrix? {
        switch constant.payload {
        case .packed(let data):
            guard constant.dataType == .float16 else { return nil }
            var matrix = ck_matrix()
            matrix.type = CK_F16
            matrix.data = data.baseAddress
            return matrix
        case .blockwise(let data, let scale, let offset): return blockwise(data, scale, offset, rows, cols)
        case .lookup(let indices, let bits, let groups, let table):
            guard groups.count >= 2 || cols == 1, groups.dropFirst(2).allSatisfy({ $0 == 1 }) else { return nil }
            let columns = groups.count > 1 ? groups[1] : 1
            guard constant.shape.dropFirst(2).allSatisfy({ $0 == 1 }) || columns == 1 else { return nil }
            var matrix = ck_matrix()
            matrix.type = CK_LUT
            matrix.data = indices.baseAddress
            matrix.lut = UnsafePointer(table)
            matrix.lut_bits = Int32(bits)
            matrix.lut_row_group = Int64(rows / groups[0])
            matrix.lut_col_group = Int64(cols / columns)
            return matrix
        case .dense, .strings: return nil
        }
    }

    private static func blockwise(_ data: Constant, _ scale: Constant, _ offset: Constant?, _ rows: Int, _ cols: Int)
        -> ck_matrix?
    {
        guard case .packed(let elements) = data.payload, let type = kernelType(data.dataType) else { return nil }
        guard let scales = kernelArray(scale), scales.type == CK_F16 || scales.type == CK_F32 else { return nil }
        // Blocks may run along the columns only; with more than two axes, only where the rest has no blocks.
        guard scale.shape.dropFirst(2).allSatisfy({ $0 == 1 }) else { return nil }
        let blocks = scale.shape.count > 1 ? scale.shape[1] : 1
        guard blocks == 1 || data.shape.dropFirst(2).allSatisfy({ $0 == 1 }) else { return nil }
        if type == CK_I4 || type == CK_U4, cols % 2 != 0 { return nil }
        var matrix = ck_matrix()
        matrix.type = type
        matrix.data = elements.baseAddress
        matrix.scale_type = scales.type
        matrix.scale = scales.data
        if let offset {
            guard let offsets = kernelArray(offset) else { return nil }
            matrix.offset_type = offsets.type
            matrix.offset = offsets.data
        }
        matrix.block = Int64(cols / blocks)
        matrix.row_group = Int64(rows / scale.shape[0])
        return matrix
    }

    private static func kernelArray(_ constant: Constant) -> (type: ck_type, data: UnsafeRawPointer?)? {
        switch constant.payload {
        case .packed(let data): kernelType(constant.dataType).map { ($0, data.baseAddress) }
        case .dense(let data): constant.kind == .float ? (CK_F32, UnsafeRawPointer(data)) : nil
        default: nil
        }
    }

    private static func kernelType(_ type: DataType) -> ck_type? {
        switch type {
        case .float32: CK_F32
        case .float16: CK_F16
        case .int8: CK_I8
        case .uint8: CK_U8
        case .int4: CK_I4
        case .uint4: CK_U4
        default: nil
        }
    }

    /// y[i, r] = bias[r] + sum over c of x[i, c] * w[r, c], for `n` rows of x, rows contiguous.
    func multiply(
        _ x: UnsafePointer<Float>, rows n: Int, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>,
        _ pool: ThreadPool
    ) {
        withUnsafePointer(to: matrix) { pointer in
            ck_linear(pool.handle, pointer, x, Int64(n), matrix.cols, bias, y, matrix.rows)
        }
    }

    /// Row `row` as floats, `cols` of them.
    func copyRow(_ row: Int, into out: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: matrix) { ck_dequantize_row($0, Int64(row), out) }
    }
}

/// The kernels' threads. One call at a time.
final class ThreadPool: @unchecked Sendable {
    let handle: OpaquePointer?

    /// `threads` counts the caller's own.
    init(threads: Int) {
        handle = ck_pool_create(Int32(clamping: max(1, threads)))
    }

    deinit { ck_pool_destroy(handle) }

    var threads: Int { Int(ck_pool_threads(handle)) }
}
