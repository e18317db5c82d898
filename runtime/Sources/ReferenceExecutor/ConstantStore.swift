import CKernels
import MLProgram

/// Constants of a model: hands out each blob once, whatever number of functions refer to it, and owns the memory of those
/// that had to be unpacked.
final class ConstantStore {
    private let weights: BlobFile?
    private var blobs: [BlobKey: Constant] = [:]
    private var owned: [UnsafeMutableRawPointer] = []
    /// Bytes allocated beside the mapped file.
    private(set) var ownedBytes = 0

    private struct BlobKey: Hashable {
        var offset: UInt64
        var type: DataType
        var shape: [Int]
    }

    init(weights: BlobFile?) {
        self.weights = weights
    }

    deinit {
        for pointer in owned { pointer.deallocate() }
    }

    /// Memory of `bytes` bytes that lives as long as the store, 64-byte aligned and zeroed.
    func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        let size = max(bytes, 64)
        let pointer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        pointer.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        owned.append(pointer)
        ownedBytes += size
        return pointer
    }

    /// The constant that `value` stands for. Throws `badBlob`, `torn` or `unsupported`.
    func constant(_ value: Value) throws -> Constant {
        guard case .tensor(let type) = value.type else {
            throw ProgramError(.unsupported, "a constant of type \(value.type)")
        }
        if case .strings(let strings) = value.content {
            return Constant(dataType: .string, shape: type.shape ?? [], payload: .strings(strings), store: self)
        }
        guard let shape = type.shape, let count = type.count else {
            throw ProgramError(.unsupported, "a constant of open shape")
        }
        if case .blob(_, let offset) = value.content { return try blob(offset, type.dataType, shape, count) }
        return try immediate(value.content, type.dataType, shape, count)
    }

    private func blob(_ offset: UInt64, _ type: DataType, _ shape: [Int], _ count: Int) throws -> Constant {
        let key = BlobKey(offset: offset, type: type, shape: shape)
        if let known = blobs[key] { return known }
        guard let weights else { throw ProgramError(.torn, "refers to weights, but the package has no weight file") }
        let data = try weights.data(at: offset, type: type, elements: count)
        let constant = Constant(dataType: type, shape: shape, payload: .packed(data), store: self)
        blobs[key] = constant
        return constant
    }

    private func immediate(_ content: Value.Content, _ type: DataType, _ shape: [Int], _ count: Int) throws -> Constant {
        func wrong() -> ProgramError {
            ProgramError(.torn, "a constant of \(count) \(type) elements whose value has other elements")
        }
        let empty = count == 0
        switch content {
        case .floats(let values):
            guard values.count == count, type == .float32 else { throw wrong() }
            return floats(values, type, shape)
        case .doubles(let values):
            guard values.count == count, type == .float64 else { throw wrong() }
            return floats(values.map(Float.init), type, shape)
        case .ints(let values):
            if empty && values.isEmpty { return type.isFloat ? floats([], type, shape) : ints([], type, shape) }
            guard values.count == count, !type.isFloat, type != .bool else { throw wrong() }
            return ints(values, type, shape)
        case .longs(let values):
            guard values.count == count, type == .int64 || type == .uint64 || type == .uint32 else { throw wrong() }
            return ints(try values.map(narrow), type, shape)
        case .bools(let values):
            guard values.count == count, type == .bool else { throw wrong() }
            return ints(values.map { $0 ? 1 : 0 }, type, shape)
        case .bytes(let bytes):
            guard let bits = type.bits, bytes.count == (count * bits + 7) / 8 else { throw wrong() }
            let memory = allocate(bytes: bytes.count)
            memory.copyMemory(from: bytes, byteCount: bytes.count)
            let data = UnsafeRawBufferPointer(start: memory, count: bytes.count)
            return Constant(dataType: type, shape: shape, payload: .packed(data), store: self)
        default:
            throw ProgramError(.unsupported, "a constant written as a tuple, list or dictionary")
        }
    }

    /// A constant from values computed at load.
    func floats(_ values: [Float], _ type: DataType, _ shape: [Int]) -> Constant {
        let memory = allocate(bytes: values.count * 4)
        values.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count) }
        return Constant(dataType: type, shape: shape, payload: .dense(memory), store: self)
    }

    func ints(_ values: [Int32], _ type: DataType, _ shape: [Int]) -> Constant {
        let memory = allocate(bytes: values.count * 4)
        values.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count) }
        return Constant(dataType: type, shape: shape, payload: .dense(memory), store: self)
    }

    private func narrow(_ value: Int64) throws -> Int32 {
        guard let narrow = Int32(exactly: value) else {
            throw ProgramError(.unsupported, "the integer \(value), which needs more than 32 bits")
        }
        return narrow
    }
}
