/// GPT-2's bijection between bytes and printable characters, in which byte-level vocabularies are written: printable
/// Latin-1 stands for itself, every other byte for a character from U+0100 on, in ascending order.
enum ByteAlphabet {
    static let scalarOfByte: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0...255).map { (byte: UInt32) in
            let isItself = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
            if isItself { return Unicode.Scalar(UInt8(byte)) }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? "\u{FFFD}"
        }
    }()

    private static let byteOfScalar: [UInt8?] = {
        var table = [UInt8?](repeating: nil, count: 0x144)
        for (byte, scalar) in scalarOfByte.enumerated() { table[Int(scalar.value)] = UInt8(byte) }
        return table
    }()

    /// The vocabulary entry (UTF-8) of some bytes.
    static func entry(of bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            let scalar = scalarOfByte[Int(byte)].value
            if scalar < 0x80 { out.append(UInt8(scalar)) } else { out += [UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F)] }
        }
        return out
    }

    /// The bytes that a vocabulary entry (UTF-8) stands for; nil when it has a character outside the alphabet.
    static func bytes(of entry: [UInt8]) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(entry.count)
        var index = 0
        while index < entry.count {
            // The alphabet ends below U+0800: one or two bytes a character.
            var scalar = Int(entry[index])
            index += 1
            if scalar >= 0xC2, scalar <= 0xDF, index < entry.count, entry[index] & 0xC0 == 0x80 {
                scalar = (scalar & 0x1F) << 6 | Int(entry[index] & 0x3F)
                index += 1
            } else if scalar >= 0x80 {
                return nil
            }
            guard scalar < byteOfScalar.count, let byte = byteOfScalar[scalar] else { return nil }
            out.append(byte)
        }
        return out
    }
}
