/// How vocabulary entries become text: the `decoder` of a tokenizer.json, as far as it can be told of one token alone.
struct TokenDecoder: Sendable, Equatable {
    /// Entries are written in GPT-2's alphabet of bytes.
    var isByteLevel = false
    /// Replaced in every entry, in order: SentencePiece writes a space as U+2581.
    var replacements: [Replacement] = []
    /// "<0x0A>" stands for a byte.
    var readsBytes = false
    /// How many leading spaces a whole text loses: the one that a normalizer put before it.
    var strippedSpaces = 0

    struct Replacement: Sendable, Equatable {
        var pattern: [UInt8]
        var content: [UInt8]
    }

    /// The bytes of a vocabulary entry.
    func bytes(of entry: [UInt8]) -> [UInt8] {
        if isByteLevel { return ByteAlphabet.bytes(of: entry) ?? entry }
        if readsBytes, let byte = Self.byte(entry) { return [byte] }
        return replacements.reduce(entry) { $0.replacing($1.pattern, with: $1.content) }
    }

    /// The byte that "<0xNN>" names; nil for any other entry.
    static func byte(_ entry: [UInt8]) -> UInt8? {
        guard entry.count == 6, entry.starts(with: "<0x".utf8), entry[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: entry[3..<5], as: UTF8.self), radix: 16)
    }

    /// The name of a byte's entry.
    static func name(of byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16, uppercase: true)
        return Array((digits.count < 2 ? "<0x0" : "<0x").utf8) + Array(digits.utf8) + [UInt8(ascii: ">")]
    }
}
