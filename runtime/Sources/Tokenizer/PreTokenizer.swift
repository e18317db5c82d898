/// A rule that cuts text into words before merges are looked for. Rules apply one after another, each to every piece
/// that the one before it left.
enum PreTokenizer: Sendable, Equatable {
    typealias Scalars = ArraySlice<Unicode.Scalar>

    /// Byte-level: a space may be put before each piece, and the piece is cut by `pattern` where there is one.
    case byteLevel(addsPrefixSpace: Bool, pattern: SplitPattern?)
    /// Digits apart from the rest, each alone or in runs.
    case digits(individually: Bool)
    case split(SplitPattern)
    /// Cut where a text stands; what becomes of that text is the behaviour's word.
    case splitByText([Unicode.Scalar], SplitBehavior)
    /// Spaces become `mark`; one may be put at the beginning, and words may be cut before each.
    case metaspace(mark: Unicode.Scalar, prepends: PrependScheme, cuts: Bool)

    enum SplitBehavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    enum PrependScheme: String, Sendable {
        case always, never
        /// Only at the beginning of the whole text, not after a special token.
        case first
    }

    /// Cuts `text` and hands on each piece in order. `isFirst`: `text` is the beginning of the whole text.
    func cut(_ text: Scalars, isFirst: Bool, _ emit: (Scalars) -> Void) {
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
        case .splitByText(let pattern, let behavior):
            Self.cut(text, at: pattern, behavior, emit)
        case .metaspace(let mark, let prepends, let cuts):
            var marked = text.map { $0 == " " ? mark : $0 }
            let wanted = prepends == .always || prepends == .first && isFirst
            if wanted, marked.first != mark { marked.insert(mark, at: 0) }
            if cuts { Self.cut(marked[...], at: [mark], .mergedWithNext, emit) } else { emit(marked[...]) }
        }
    }

    /// Digits in the sense of Rust's `char::is_numeric`: every scalar of category N.
    private static func cutDigits(_ text: Scalars, individually: Bool, _ emit: (Scalars) -> Void) {
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

    private static func cut(
        _ text: Scalars, at pattern: [Unicode.Scalar], _ behavior: SplitBehavior, _ emit: (Scalars) -> Void
    ) {
        let parts = occurrences(of: pattern, in: text)
        var index = 0
        while index < parts.count {
            var (range, isMatch) = parts[index]
            index += 1
            switch behavior {
            case .removed: if isMatch { continue }
            case .isolated: break
            case .mergedWithPrevious:
                // A part takes the one occurrence behind it along.
                if !isMatch, index < parts.count { (range, index) = (range.lowerBound..<parts[index].range.upperBound, index + 1) }
            case .mergedWithNext:
                if isMatch, index < parts.count, !parts[index].isMatch {
                    (range, index) = (range.lowerBound..<parts[index].range.upperBound, index + 1)
                }
            case .contiguous:
                while isMatch, index < parts.count, parts[index].isMatch {
                    (range, index) = (range.lowerBound..<parts[index].range.upperBound, index + 1)
                }
            }
            emit(text[range])
        }
    }

    /// `text` in parts that are occurrences of `pattern` and parts that are not.
    private static func occurrences(of pattern: [Unicode.Scalar], in text: Scalars) -> [(range: Range<Int>, isMatch: Bool)] {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var begun = text.startIndex
        var index = begun
        while index + pattern.count <= text.endIndex {
            guard text[index..<index + pattern.count].elementsEqual(pattern) else {
                index += 1
                continue
            }
            if begun < index { parts.append((begun..<index, false)) }
            parts.append((index..<index + pattern.count, true))
            index += pattern.count
            begun = index
        }
        if begun < text.endIndex { parts.append((begun..<text.endIndex, false)) }
        return parts
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
