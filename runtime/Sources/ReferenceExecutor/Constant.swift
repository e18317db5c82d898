import CKernels
import MLProgram

/// A constant tensor, kept as the package stores it until an operation asks for plain elements.
final class Constant {
    enum Payload {
        /// Elements of `dataType` as stored: little endian, sub-byte types packed.
        case packed(UnsafeRawBufferPointer)
        /// Four-byte floats or integers in memory of the store.
        case dense(UnsafeMutableRawPointer)
        /// scale * (data - offset), scale and offset repeated in blocks along every axis.
        case blockwise(data: Constant, scale: Constant, offset: Constant?)
        /// Look-up tables by group: `table` is [groups along each axis …, 2^bits], floats.
        case lookup(indices: UnsafeRawBufferPointer, bits: Int, groups: [Int], table: UnsafeMutablePointer<Float>)
        case strings([String])
    }

    let dataType: DataType
    let shape: [Int]
    let count: Int
    let payload: Payload
    /// Owns the memory behind the payload; lives longer than any constant, so no cycle is kept.
    private unowned let store: ConstantStore
    private var unpacked: UnsafeMutableRawPointer?

    init(dataType: DataType, shape: [Int], payload: Payload, store: ConstantStore) {
        self.dataType = dataType
        self.shape = shape
        self.payload = payload
        self.store = store
        count = Shapes.count(shape)
    }

    var kind: ElementKind { ElementKind(dataType) }

    /// The text of a string constant.
    var string: String? {
        if case .strings(let values) = payload { values.first } else { nil }
    }

    /// Plain four-byte elements, unpacked at most once.
    func dense() throws -> UnsafeMutableRawPointer {
        if let unpacked { return unpacked }
        let pointer = try unpack()
        unpacked = pointer
        return pointer
    }

    func floats() throws -> UnsafeMutablePointer<Float> {
        guard kind == .float else { throw ProgramError(.invalid, "\(dataType) where floats are needed") }
        return try dense().assumingMemoryBound(to: Float.self)
    }

    func ints() throws -> [Int] {
        guard kind == .int, dataType != .string else { throw ProgramError(.invalid, "\(dataType) where integers are needed") }
        let pointer = try dense().assumingMemoryBound(to: Int32.self)
        return (0..<count).map { Int(pointer[$0]) }
    }

    /// The constant as an operand of a step.
    func operand() throws -> Operand {
        guard dataType != .string else { throw ProgramError(.invalid, "text where a tensor is needed") }
        let buffer = Buffer(count: count, home: .constant, base: try dense())
        return Operand(buffer: buffer, shape: shape, dataType: dataType)
    }

    private func unpack() throws -> UnsafeMutableRawPointer {
        switch payload {
        case .dense(let pointer): return pointer
        case .packed(let data): return try unpack(data)
        case .strings: throw ProgramError(.invalid, "text where a tensor is needed")
        case .blockwise(let data, let scale, let offset):
            let memory = store.allocate(bytes: count * 4)
            try Blockwise.expand(data, scale, offset, into: memory.assumingMemoryBound(to: Float.self))
            return memory
        case .lookup(let indices, let bits, let groups, let table):
            let memory = store.allocate(bytes: count * 4)
            Blockwise.lookUp(indices, bits, groups, table, shape, into: memory.assumingMemoryBound(to: Float.self))
            return memory
        }
    }

    private func unpack(_ data: UnsafeRawBufferPointer) throws -> UnsafeMutableRawPointer {
        // What is four bytes wide and aligned already is used where it lies in the file; nothing writes to constants.
        if dataType == .float32 || dataType == .int32, let base = data.baseAddress, Int(bitPattern: base) % 4 == 0 {
            return UnsafeMutableRawPointer(mutating: base)
        }
        let memory = store.allocate(bytes: count * 4)
        let floats = memory.assumingMemoryBound(to: Float.self)
        let ints = memory.assumingMemoryBound(to: Int32.self)
        switch dataType {
        case .float16:
            for i in 0..<count { floats[i] = Float(Float16(bitPattern: data.littleEndian(UInt16.self, i))) }
        case .bfloat16:
            for i in 0..<count { floats[i] = Float(bitPattern: UInt32(data.littleEndian(UInt16.self, i)) << 16) }
        case .float32:
            for i in 0..<count { floats[i] = Float(bitPattern: data.littleEndian(UInt32.self, i)) }
        case .float64:
            for i in 0..<count { floats[i] = Float(Double(bitPattern: data.littleEndian(UInt64.self, i))) }
        case .float8E4M3FN, .float8E5M2, .string:
            throw ProgramError(.unsupported, "constants of type \(dataType)")
        default:
            for i in 0..<count { ints[i] = try data.integer(dataType, i) }
        }
        return memory
    }
}

extension UnsafeRawBufferPointer {
    func littleEndian<T: FixedWidthInteger>(_: T.Type, _ index: Int) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self))
    }

    /// Element `index` of a packed array of an integer type.
    func integer(_ type: DataType, _ index: Int) throws -> Int32 {
        switch type {
        case .bool: return self[index] == 0 ? 0 : 1
        case .int8: return Int32(Int8(bitPattern: self[index]))
        case .uint8: return Int32(self[index])
        case .int16: return Int32(littleEndian(Int16.self, index))
        case .uint16: return Int32(littleEndian(UInt16.self, index))
        case .int32: return littleEndian(Int32.self, index)
        case .uint32, .int64, .uint64:
            let wide = type == .uint32 ? Int64(littleEndian(UInt32.self, index)) : littleEndian(Int64.self, index)
            guard let narrow = Int32(exactly: wide) else {
                throw ProgramError(.unsupported, "the integer \(wide), which needs more than 32 bits")
            }
            return narrow
        case .int4: return (Int32(bits(4, index)) ^ 8) - 8
        case .uint1: return Int32(bits(1, index))
        case .uint2: return Int32(bits(2, index))
        case .uint3: return Int32(bits(3, index))
        case .uint4: return Int32(bits(4, index))
        case .uint6: return Int32(bits(6, index))
        default: throw ProgramError(.unsupported, "integers of type \(type)")
        }
    }

    /// Element `index` of a stream of fields of `width` bits, least significant bit first.
    func bits(_ width: Int, _ index: Int) -> UInt32 {
        let first = index * width
        var word = UInt32(self[first / 8])
        if first % 8 + width > 8 { word |= UInt32(self[first / 8 + 1]) << 8 }
        return (word >> UInt32(first % 8)) & ((1 << UInt32(width)) - 1)
    }
}
