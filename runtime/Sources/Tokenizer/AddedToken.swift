/// A token that stands in text as itself and is never merged with its neighbours.
struct AddedToken: Sendable, Equatable {
    var id: Int32
    var content: [UInt8]
    /// A control token, which is not part of decoded text.
    var isSpecial = false
    /// Takes the white space on its left, or right, with it.
    var stripsLeft = false
    var stripsRight = false
    /// Recognised only where no letter, digit or underscore adjoins it.
    var isSingleWord = false
    /// Looked for in normalised text rather than in the text as it came.
    var isNormalized = false

    init(reading reader: inout JSONReader) throws {
        var id: Int?
        content = []
        self.id = 0
        try reader.readObject { reader, key in
            switch String(decoding: key, as: UTF8.self) {
            case "id": id = try reader.readInt()
            case "content": self.content = try reader.readString()
            case "special": self.isSpecial = try reader.readBool()
            case "lstrip": self.stripsLeft = try reader.readBool()
            case "rstrip": self.stripsRight = try reader.readBool()
            case "single_word": self.isSingleWord = try reader.readBool()
            case "normalized": self.isNormalized = try reader.readBool()
            default: try reader.skip()
            }
        }
        guard let id, (0..<(1 << 24)).contains(id), !content.isEmpty else {
            throw reader.failure("an added token has no usable id or content")
        }
        self.id = Int32(id)
    }
}

/// Finds added tokens in text: the leftmost, and of those the longest.
struct AddedTokenFinder: Sendable {
    enum Piece: Equatable {
        case text(Substring)
        case token(Int32)
    }

    /// Candidates by first byte, longest first.
    private var candidates: [UInt8: [AddedToken]] = [:]

    init(_ tokens: [AddedToken]) {
        for token in tokens { candidates[token.content[0], default: []].append(token) }
        for key in candidates.keys { candidates[key]?.sort { $0.content.count > $1.content.count } }
    }

    var isEmpty: Bool { candidates.isEmpty }

    func split(_ text: Substring) -> [Piece] {
        guard !isEmpty else { return text.isEmpty ? [] : [.text(text)] }
        let bytes = text.utf8
        var pieces: [Piece] = []
        var begun = bytes.startIndex
        var index = begun
        while index < bytes.endIndex {
            guard let found = match(in: text, at: index) else {
                index = bytes.index(after: index)
                continue
            }
            var (start, end) = (index, bytes.index(index, offsetBy: found.content.count))
            if found.stripsLeft { start = Self.skipSpaceBackward(text, from: start, to: begun) }
            if found.stripsRight { end = Self.skipSpaceForward(text, from: end) }
            if begun < start { pieces.append(.text(text[begun..<start])) }
            pieces.append(.token(found.id))
            begun = end
            index = end
        }
        if begun < bytes.endIndex { pieces.append(.text(text[begun...])) }
        return pieces
    }

    private func match(in text: Substring, at index: Substring.Index) -> AddedToken? {
        guard let tokens = candidates[text.utf8[index]] else { return nil }
        let rest = text.utf8[index...]
        // The automaton knows only the longest: one that fails the single-word test does not give way to a shorter one.
        guard let token = tokens.first(where: { rest.starts(with: $0.content) }) else { return nil }
        guard token.isSingleWord else { return token }
        let end = text.utf8.index(index, offsetBy: token.content.count)
        let before = text.unicodeScalars[..<index].last
        let after = text.unicodeScalars[end...].first
        return [before, after].contains(where: { $0.map(Self.isWord) ?? false }) ? nil : token
    }

    /// What \w is to Unicode (UTS 18, annex C).
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: scalar.properties.isAlphabetic || scalar.properties.isJoinControl
        }
    }

    private static func skipSpaceBackward(_ text: Substring, from: Substring.Index, to: Substring.Index)
        -> Substring.Index
    {
        let scalars = text.unicodeScalars
        var index = from
        while index > to, case let previous = scalars.index(before: index), scalars[previous].properties.isWhitespace {
            index = previous
        }
        return index
    }

    private static func skipSpaceForward(_ text: Substring, from: Substring.Index) -> Substring.Index {
        let scalars = text.unicodeScalars
        var index = from
        while index < scalars.endIndex, scalars[index].properties.isWhitespace { index = scalars.index(after: index) }
        return index
    }
}
