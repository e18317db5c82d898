/// Turns ids into text as they come. A character whose bytes are spread over several tokens comes out with the last of
/// them, so that nothing that is shown is ever taken back or broken.
public struct Detokenizer: Sendable {
    private let tokenizer: any Tokenizer
    /// The beginning of a character that is not complete: at most three bytes.
    private var held: [UInt8] = []

    /// Spaces at the beginning that are still to be left out.
    private var spaces: Int

    /// - Parameter atStart: the ids are those of a whole text, not of one that goes on after another.
    public init(_ tokenizer: any Tokenizer, atStart: Bool = false) {
        self.tokenizer = tokenizer
        spaces = atStart ? tokenizer.leadingSpaces : 0
    }

    /// The text that `id` completes; often a word, sometimes nothing.
    public mutating func append(_ id: Int32) -> String {
        guard let bytes = tokenizer.bytes(of: id), !bytes.isEmpty else { return "" }
        let blanks = min(spaces, bytes.prefix { $0 == 0x20 }.count)
        spaces = blanks < bytes.count ? 0 : spaces - blanks
        held += bytes.dropFirst(blanks)
        let complete = held.count - Self.unfinishedTail(held)
        guard complete > 0 else { return "" }
        let text = String(decoding: held[..<complete], as: UTF8.self)
        held.removeFirst(complete)
        return text
    }

    /// What is left at the end: U+FFFD for a character that never became complete.
    public mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// How many bytes at the end are the beginning of a character that more bytes could complete.
    static func unfinishedTail(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let lead = bytes[bytes.count - length]
            if lead & 0xC0 == 0x80 { continue }  // a continuation byte: the lead is further left
            let tail = Array(bytes.suffix(length))
            return isUnfinished(tail) ? length : 0
        }
        return 0
    }

    /// Whether `tail`, which begins with a lead byte, is a proper prefix of a well-formed sequence (Unicode table 3-7).
    private static func isUnfinished(_ tail: [UInt8]) -> Bool {
        let needed: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch tail[0] {
        case 0xC2...0xDF: needed = 2
        case 0xE0: (needed, second) = (3, 0xA0...0xBF)
        case 0xED: (needed, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: needed = 3
        case 0xF0: (needed, second) = (4, 0x90...0xBF)
        case 0xF4: (needed, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: needed = 4
        default: return false
        }
        return tail.count < needed && (tail.count < 2 || second.contains(tail[1]))
    }
}

extension Tokenizer {
    /// The text of `ids` as a whole.
    public func decode(_ ids: some Sequence<Int32>) -> String {
        var detokenizer = Detokenizer(self, atStart: true)
        return ids.reduce(into: "") { $0 += detokenizer.append($1) } + detokenizer.finish()
    }
}
