/// A tokenizer.json as Hugging Face tokenizers writes it, as far as this runtime understands it. What it does not
/// understand is an error that names it: text that is cut up differently from training makes a model babble quietly.
struct TokenizerFile {
    var vocabulary: [(token: [UInt8], id: Int)] = []
    var merges: [(left: [UInt8], right: [UInt8])] = []
    var ignoresMerges = false
    var unknownToken: [UInt8]?
    var addedTokens: [AddedToken] = []
    var normalizer: Normalizer = .none
    var preTokenizers: [PreTokenizer] = []

    init(_ bytes: [UInt8]) throws {
        do {
            var reader = JSONReader(bytes)
            try reader.readObject { reader, key in
                switch String(decoding: key, as: UTF8.self) {
                case "model": try self.readModel(&reader)
                case "added_tokens":
                    try reader.readArray { try self.addedTokens.append(AddedToken(reading: &$0)) }
                case "pre_tokenizer":
                    if !reader.readNull() { try self.readPreTokenizer(&reader) }
                case "normalizer":
                    if !reader.readNull() { try self.readNormalizer(&reader) }
                default: try reader.skip()
                }
            }
        } catch let failure as JSONReader.Failure {
            throw TokenizerError.malformed("tokenizer.json: \(failure)")
        }
        guard !vocabulary.isEmpty else {
            throw TokenizerError.malformed("tokenizer.json: model.vocab is missing or empty")
        }
    }

    private mutating func readModel(_ reader: inout JSONReader) throws {
        var type = "BPE"
        try reader.readObject { reader, key in
            switch String(decoding: key, as: UTF8.self) {
            case "type": type = String(decoding: try reader.readString(), as: UTF8.self)
            case "vocab":
                try reader.readObject { reader, token in
                    let id = try reader.readInt()
                    guard (0..<(1 << 24)).contains(id) else { throw reader.failure("token id \(id) out of range") }
                    self.vocabulary.append((token, id))
                }
            case "merges": try reader.readArray { try self.merges.append(Self.readMerge(&$0)) }
            case "ignore_merges": self.ignoresMerges = try reader.readBool()
            case "unk_token": if !reader.readNull() { self.unknownToken = try reader.readString() }
            case "byte_fallback":
                if try reader.readBool() { throw TokenizerError.unsupported("byte_fallback") }
            case "continuing_subword_prefix", "end_of_word_suffix":
                if !reader.readNull(), try !reader.readString().isEmpty {
                    throw TokenizerError.unsupported(String(decoding: key, as: UTF8.self))
                }
            default: try reader.skip()
            }
        }
        guard type == "BPE" else { throw TokenizerError.unsupported("model type \(type)") }
    }

    /// "a b", or since tokenizers 0.20 ["a", "b"].
    private static func readMerge(_ reader: inout JSONReader) throws -> ([UInt8], [UInt8]) {
        if reader.peek() == UInt8(ascii: "[") {
            var parts: [[UInt8]] = []
            try reader.readArray { try parts.append($0.readString()) }
            guard parts.count == 2 else { throw reader.failure("a merge has \(parts.count) parts") }
            return (parts[0], parts[1])
        }
        let text = try reader.readString()
        guard let space = text.firstIndex(of: 0x20), space > 0, space < text.count - 1 else {
            throw reader.failure("a merge has no two parts")
        }
        return (Array(text[..<space]), Array(text[(space + 1)...]))
    }

    private mutating func readNormalizer(_ reader: inout JSONReader) throws {
        var type = ""
        var isEmpty = true
        try reader.readObject { reader, key in
            switch String(decoding: key, as: UTF8.self) {
            case "type": type = String(decoding: try reader.readString(), as: UTF8.self)
            case "normalizers":
                try reader.readArray {
                    isEmpty = false
                    try self.readNormalizer(&$0)
                }
            default: try reader.skip()
            }
        }
        switch type {
        case "NFC": normalizer = .composed
        case "Sequence" where isEmpty || normalizer != .none: break
        default: throw TokenizerError.unsupported("normalizer \(type)")
        }
    }

    private mutating func readPreTokenizer(_ reader: inout JSONReader) throws {
        var entry = PreTokenizerEntry()
        try reader.readObject { reader, key in
            switch String(decoding: key, as: UTF8.self) {
            case "type": entry.type = String(decoding: try reader.readString(), as: UTF8.self)
            case "pretokenizers": try reader.readArray { try self.readPreTokenizer(&$0) }
            case "add_prefix_space": entry.addsPrefixSpace = try reader.readBool()
            case "use_regex": entry.usesRegex = try reader.readBool()
            case "individual_digits": entry.individualDigits = try reader.readBool()
            case "behavior": entry.behavior = String(decoding: try reader.readString(), as: UTF8.self)
            case "invert": entry.inverted = try reader.readBool()
            case "pattern":
                try reader.readObject { reader, kind in
                    entry.patternKind = String(decoding: kind, as: UTF8.self)
                    entry.pattern = String(decoding: try reader.readString(), as: UTF8.self)
                }
            default: try reader.skip()
            }
        }
        if let step = try entry.step() { preTokenizers.append(step) }
    }
}

/// One pre_tokenizer object as it was read.
private struct PreTokenizerEntry {
    var type = ""
    var addsPrefixSpace = true
    var usesRegex = true
    var individualDigits = false
    var behavior = ""
    var inverted = false
    var patternKind = ""
    var pattern = ""

    /// nil for a sequence, whose parts were read one by one.
    func step() throws -> PreTokenizer? {
        switch type {
        case "Sequence": return nil
        case "ByteLevel": return .byteLevel(addsPrefixSpace: addsPrefixSpace, pattern: usesRegex ? .gpt2 : nil)
        case "Digits": return .digits(individually: individualDigits)
        case "Split":
            guard patternKind == "Regex", behavior == "Isolated", !inverted else {
                throw TokenizerError.unsupported("Split by \(patternKind) \"\(pattern)\", \(behavior)")
            }
            guard let known = SplitPattern(rawValue: pattern) else {
                throw TokenizerError.unsupported("Split by the expression \(pattern)")
            }
            return .split(known)
        default: throw TokenizerError.unsupported("pre-tokenizer \(type)")
        }
    }
}

/// Why a tokenizer cannot be made.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadable(String)
    case malformed(String)
    /// The file asks for something this runtime does not do.
    case unsupported(String)

    /// What is wrong, in one line.
    public var description: String {
        switch self {
        case .unreadable(let path): "\(path): cannot be read"
        case .malformed(let reason): reason
        case .unsupported(let what): "tokenizer.json: \(what) is not supported by this runtime"
        }
    }
}
