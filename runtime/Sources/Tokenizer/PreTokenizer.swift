/// A rule that cuts text into words before merges are looked for. Rules apply one after another, each to every piece
/// that the one before it left.
enum PreTokenizer: Sendable, Equatable {
    /// Byte-level: a space may be put before each piece, and the piece is cut by `pattern` where there is one.
    case byteLevel(addsPrefixSpace: Bool, pattern: SplitPattern?)
    /// Digits apart from the rest, each alone or in runs.
    case digits(individually: Bool)
    case split(SplitPattern)

    /// Cuts `text` and hands on each piece in order.
    func cut(_ text: ArraySlice<Unicode.Scalar>, _ emit: (ArraySlice<Unicode.Scalar>) -> Void) {
        guard !text.isEmpty else { return }
        switch self {
        case .byteLevel(let addsPrefixSpace, let pattern):
            var text = text
            if addsPrefixSpace, text.first != " " { text = ([" "] + text)[...] }
            if let pattern { pattern.cut(text, emit) } else { emit(text) }
        case .digits(let individually):
            Self.cutDigits(text, individually: individually, emit)
        case .split(let pattern):
            pattern.cut(text, emit)
        }
    }

    /// Digits in the sense of Rust's `char::is_numeric`: every scalar of category N.
    private static func cutDigits(
        _ text: ArraySlice<Unicode.Scalar>, individually: Bool, _ emit: (ArraySlice<Unicode.Scalar>) -> Void
    ) {
        var start = text.startIndex
        var index = start
        while index < text.endIndex {
            let numeric = ScalarClass(text[index]) == .number
            var end = index + 1
            if !(numeric && individually) {
                while end < text.endIndex, (ScalarClass(text[end]) == .number) == numeric { end += 1 }
            }
            emit(text[start..<end])
            start = end
            index = end
        }
    }
}

/// What the split patterns tell apart. The Unicode version is that of Swift's standard library (15 in Swift 6.0): digits
/// and letters that came later are "other" here and may be numbers or letters to a newer Hugging Face tokenizer.
enum ScalarClass: UInt8, Sendable {
    case space, letter, number, other

    init(_ scalar: Unicode.Scalar) {
        self = scalar.value < 128 ? Self.ascii[Int(scalar.value)] : Self.beyondASCII(scalar)
    }

    private static let ascii: [ScalarClass] = (0..<128).map { beyondASCII(Unicode.Scalar(UInt8($0))) }

    private static func beyondASCII(_ scalar: Unicode.Scalar) -> ScalarClass {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: scalar.properties.isWhitespace ? .space : .other
        }
    }
}
