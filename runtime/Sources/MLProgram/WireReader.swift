/// Reads protobuf wire format from a range of memory. It never reads outside the range, never traps on foreign bytes and
/// never recurses by itself: nesting is the caller's, bounded by `maximumDepth`.
///
/// The memory must outlive the reader. Copies share the memory and keep positions of their own.
struct WireReader {
    /// How a field is encoded; groups (3, 4) are obsolete and refused.
    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case fixed32 = 5
    }

    struct Field {
        var number: UInt32
        var type: WireType
    }

    /// Messages nested deeper than this are refused; the deepest legal program stays below 20.
    static let maximumDepth = 40

    private let memory: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int
    private let depth: Int

    init(_ memory: UnsafeRawBufferPointer) {
        self.init(memory, from: 0, to: memory.count, depth: 0)
    }

    private init(_ memory: UnsafeRawBufferPointer, from: Int, to: Int, depth: Int) {
        self.memory = memory
        self.position = from
        self.end = to
        self.depth = depth
    }

    var isAtEnd: Bool { position >= end }
    var remaining: Int { end - position }

    /// The next field's number and type, or nil at the end of the message.
    mutating func nextField() throws -> Field? {
        guard position < end else { return nil }
        let key = try varint()
        guard let type = WireType(rawValue: UInt8(truncatingIfNeeded: key & 7)) else {
            throw torn("wire type \(key & 7) at byte \(position)")
        }
        guard key >> 3 > 0, key >> 3 < 1 << 29 else { throw torn("field number \(key >> 3) at byte \(position)") }
        return Field(number: UInt32(key >> 3), type: type)
    }

    mutating func skip(_ field: Field) throws {
        switch field.type {
        case .varint: _ = try varint()
        case .fixed64: try advance(8)
        case .bytes: _ = try bytes(field)
        case .fixed32: try advance(4)
        }
    }

    mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = memory[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { throw torn("number longer than ten bytes at byte \(position)") }
        }
        throw torn("cut off inside a number at byte \(position)")
    }

    mutating func varint(_ field: Field) throws -> UInt64 {
        try expect(field, .varint)
        return try varint()
    }

    mutating func fixed32() throws -> UInt32 {
        let start = position
        try advance(4)
        return UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: start, as: UInt32.self))
    }

    mutating func fixed64() throws -> UInt64 {
        let start = position
        try advance(8)
        return UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: start, as: UInt64.self))
    }

    /// The bytes of a length-delimited field, without a copy.
    mutating func bytes(_ field: Field) throws -> UnsafeRawBufferPointer {
        let range = try payload(field)
        return UnsafeRawBufferPointer(rebasing: memory[range])
    }

    mutating func string(_ field: Field) throws -> String {
        let raw = try bytes(field)
        guard let text = String(validating: raw, as: UTF8.self) else { throw torn("text that is not UTF-8") }
        return text
    }

    /// A reader of a nested message; this reader moves behind it.
    mutating func message(_ field: Field) throws -> WireReader {
        let range = try payload(field)
        guard depth < WireReader.maximumDepth else { throw torn("messages nested deeper than \(WireReader.maximumDepth)") }
        return WireReader(memory, from: range.lowerBound, to: range.upperBound, depth: depth + 1)
    }

    /// Visits every element of a repeated number, packed or not.
    mutating func numbers(_ field: Field, unpacked: WireType, _ body: (inout WireReader) throws -> Void) throws {
        guard field.type == .bytes else {
            try expect(field, unpacked)
            return try body(&self)
        }
        let range = try payload(field)
        var inner = WireReader(memory, from: range.lowerBound, to: range.upperBound, depth: depth)
        while !inner.isAtEnd { try body(&inner) }
    }

    func torn(_ reason: String) -> ProgramError { ProgramError(.torn, reason) }

    private mutating func payload(_ field: Field) throws -> Range<Int> {
        try expect(field, .bytes)
        let length = try varint()
        guard length <= UInt64(end - position) else {
            throw torn("field \(field.number) claims \(length) bytes where \(end - position) are left")
        }
        let start = position
        position += Int(length)
        return start..<position
    }

    private mutating func advance(_ count: Int) throws {
        guard count <= end - position else { throw torn("cut off at byte \(end)") }
        position += count
    }

    private func expect(_ field: Field, _ type: WireType) throws {
        guard field.type == type else { throw torn("field \(field.number) has wire type \(field.type), not \(type)") }
    }
}
