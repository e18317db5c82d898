/// Reads JSON front to back without building a tree. Strings come out as bytes, because vocabulary entries that Unicode
/// holds to be equal ("é" in one scalar or two) are different tokens, and Swift's String would make them one key.
///
/// Foreign bytes never trap it: what is wrong is thrown with its offset, and nesting is bounded.
struct JSONReader {
    struct Failure: Error, Equatable, CustomStringConvertible {
        var offset: Int
        var reason: String
        var description: String { "byte \(offset): \(reason)" }
    }

    private let bytes: [UInt8]
    private(set) var offset = 0
    private var depth = 0
    private static let deepest = 64

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func failure(_ reason: String) -> Failure { Failure(offset: offset, reason: reason) }

    /// The next byte that is not white space, without taking it; 0 at the end.
    mutating func peek() -> UInt8 {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            case let byte: return byte
            }
        }
        return 0
    }

    mutating func expect(_ byte: UInt8) throws {
        guard peek() == byte else { throw failure("expected \"\(Character(Unicode.Scalar(byte)))\"") }
        offset += 1
    }

    /// Calls `body` with each key; it reads or skips the value.
    mutating func readObject(_ body: (inout JSONReader, [UInt8]) throws -> Void) throws {
        try readList(open: UInt8(ascii: "{"), close: UInt8(ascii: "}")) { reader in
            let key = try reader.readString()
            try reader.expect(UInt8(ascii: ":"))
            try body(&reader, key)
        }
    }

    /// Appends each key to `keys` and calls `body`; it reads or skips the value.
    mutating func readObject(keys: inout TextList, _ body: (inout JSONReader) throws -> Void) throws {
        try readList(open: UInt8(ascii: "{"), close: UInt8(ascii: "}")) { reader in
            try keys.append { try reader.readString(into: &$0) }
            try reader.expect(UInt8(ascii: ":"))
            try body(&reader)
        }
    }

    /// Calls `body` at each element; it reads or skips it.
    mutating func readArray(_ body: (inout JSONReader) throws -> Void) throws {
        try readList(open: UInt8(ascii: "["), close: UInt8(ascii: "]"), body)
    }

    private mutating func readList(open: UInt8, close: UInt8, _ body: (inout JSONReader) throws -> Void) throws {
        try expect(open)
        depth += 1
        guard depth <= Self.deepest else { throw failure("nested deeper than \(Self.deepest)") }
        if peek() == close {
            offset += 1
        } else {
            while true {
                try body(&self)
                if peek() == UInt8(ascii: ",") {
                    offset += 1
                    continue
                }
                try expect(close)
                break
            }
        }
        depth -= 1
    }

    mutating func readBool() throws -> Bool {
        _ = peek()
        if take("true") { return true }
        if take("false") { return false }
        throw failure("expected true or false")
    }

    /// Takes `null` when it is next.
    mutating func readNull() -> Bool {
        guard peek() == UInt8(ascii: "n") else { return false }
        return take("null")
    }

    mutating func readInt() throws -> Int {
        let negative = peek() == UInt8(ascii: "-")
        if negative { offset += 1 }
        let start = offset
        var value = 0
        while offset < bytes.count, case let digit = bytes[offset], (48...57).contains(digit) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int(digit) - 48)
            guard !overflow, !overflow2 else { throw failure("number out of range") }
            value = sum
            offset += 1
        }
        guard offset > start else { throw failure("expected a whole number") }
        if offset < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[offset]) {
            throw failure("expected a whole number")
        }
        return negative ? -value : value
    }

    /// A string's UTF-8 bytes with escapes resolved. A lone surrogate becomes U+FFFD.
    mutating func readString() throws -> [UInt8] {
        var out: [UInt8] = []
        try readString(into: &out)
        return out
    }

    /// The same, appended to `out`.
    mutating func readString(into out: inout [UInt8]) throws {
        try expect(UInt8(ascii: "\""))
        while true {
            let start = offset
            while offset < bytes.count, bytes[offset] != 0x22, bytes[offset] != 0x5C, bytes[offset] >= 0x20 {
                offset += 1
            }
            out.append(contentsOf: bytes[start..<offset])
            guard offset < bytes.count else { throw failure("string without end") }
            let byte = bytes[offset]
            guard byte == 0x22 || byte == 0x5C else { throw failure("control character in a string") }
            offset += 1
            if byte == 0x22 { return }
            try readEscape(into: &out)
        }
    }

    private mutating func readEscape(into out: inout [UInt8]) throws {
        guard offset < bytes.count else { throw failure("string without end") }
        let escape = bytes[offset]
        offset += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(escape)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            var unit = try readHex()
            if (0xD800..<0xDC00).contains(unit), take("\\u") {
                let low = try readHex()
                if (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    out.append(contentsOf: "\u{FFFD}".utf8)
                    unit = low
                }
            }
            out.append(contentsOf: String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
        default: throw failure("unknown escape")
        }
    }

    private mutating func readHex() throws -> UInt32 {
        guard offset + 4 <= bytes.count else { throw failure("string without end") }
        var value: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("expected four hex digits")
            }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }

    /// Passes over one value of any kind.
    mutating func skip() throws {
        switch peek() {
        case UInt8(ascii: "{"): try readObject { reader, _ in try reader.skip() }
        case UInt8(ascii: "["): try readArray { try $0.skip() }
        case UInt8(ascii: "\""): _ = try readString()
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try readBool()
        case UInt8(ascii: "n"): guard readNull() else { throw failure("expected null") }
        default:
            let start = offset
            while offset < bytes.count, "+-.eE0123456789".utf8.contains(bytes[offset]) { offset += 1 }
            guard offset > start else {
                throw failure(offset == bytes.count ? "unexpected end" : "unexpected character")
            }
        }
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard offset + count <= bytes.count else { return false }
        for i in 0..<count where bytes[offset + i] != word.utf8Start[i] { return false }
        offset += count
        return true
    }
}
