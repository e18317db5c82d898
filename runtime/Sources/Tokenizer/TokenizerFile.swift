/// A tokenizer.json as Hugging Face tokenizers writes it, as far as this runtime understands it. What it does not
/// understand is an error that names it: text that is cut up differently from training makes a model babble quietly.
struct TokenizerFile {
    /// The tokens' names in the order of the file, and their ids.
    var vocabulary = TextList()
    var ids: [Int32] = []
    /// Two texts for each merge, the earliest first.
    var merges = TextList()
    var ignoresMerges = false
    var unknownToken: [UInt8]?
    /// Unknown characters in a row are one unknown token.
    var fusesUnknown = false
    /// A character that the vocabulary lacks becomes the tokens of its bytes.
    var fallsBackToBytes = false
    var addedTokens: [AddedToken] = []
    var normalizer = Normalizer()
    var preTokenizers: [PreTokenizer] = []
    var decoder = TokenDecoder()

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
                case "decoder":
                    if !reader.readNull() { try self.readDecoder(&reader) }
                default: try reader.skip()
                }
            }
        } catch let failure as JSONReader.Failure {
            throw TokenizerError.malformed("tokenizer.json: \(failure)")
        }
        if isByteLevel, decoder == TokenDecoder() { decoder.isByteLevel = true }
        guard !vocabulary.isEmpty else {
            throw TokenizerError.malformed("tokenizer.json: model.vocab is missing or empty")
        }
    }

    /// Words are written in GPT-2's alphabet of bytes before merges are looked for.
    var isByteLevel: Bool { preTokenizers.contains { if case .byteLevel = $0 { true } else { false } } }

    private mutating func readModel(_ reader: inout JSONReader) throws {
        var type = "BPE"
        try reader.readObject { reader, key in
            switch String(decoding: key, as: UTF8.self) {
            case "type": type = String(decoding: try reader.readString(), as: UTF8.self)
            case "vocab":
                try reader.readObject(keys: &self.vocabulary) { reader in
                    let id = try reader.readInt()
                    guard (0..<(1 << 24)).contains(id) else { throw reader.failure("token id \(id) out of range") }
                    self.ids.append(Int32(id))
                }
            case "merges": try reader.readArray { try self.readMerge(&$0) }
            case "ignore_merges": self.ignoresMerges = try reader.readBool()
            case "unk_token": if !reader.readNull() { self.unknownToken = try reader.readString() }
            case "byte_fallback": self.fallsBackToBytes = try reader.readBool()
            case "fuse_unk": self.fusesUnknown = try reader.readBool()
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
    private mutating func readMerge(_ reader: inout JSONReader) throws {
        if reader.peek() == UInt8(ascii: "[") {
            let before = merges.count
            try reader.readArray { reader in try self.merges.append { try reader.readString(into: &$0) } }
            guard merges.count == before + 2 else { throw reader.failure("a merge has \(merges.count - before) parts") }
            return
        }
        try merges.append { try reader.readString(into: &$0) }
        guard merges.splitLast(at: 0x20) else { throw reader.failure("a merge has no two parts") }
    }

    private mutating func readNormalizer(_ reader: inout JSONReader) throws {
        var entry = TokenizerStep()
        try reader.readObject { reader, key in
            if key.elementsEqual("normalizers".utf8) {
                try reader.readArray { try self.readNormalizer(&$0) }
            } else {
                try entry.read(key, &reader)
            }
        }
        switch entry.type {
        case "Sequence": break
        case "NFC": normalizer.steps.append(.composed)
        case "Prepend": normalizer.steps.append(.prepend(entry.prepend))
        case "Replace" where entry.patternKind == "String" && !entry.pattern.isEmpty:
            normalizer.steps.append(.replace(pattern: Array(entry.pattern.utf8), content: Array(entry.content.utf8)))
        case "Replace": throw TokenizerError.unsupported("normalizer Replace by \(entry.patternKind) \"\(entry.pattern)\"")
        default: throw TokenizerError.unsupported("normalizer \(entry.type)")
        }
    }

    private mutating func readDecoder(_ reader: inout JSONReader) throws {
        var entry = TokenizerStep()
        try reader.readObject { reader, key in
            if key.elementsEqual("decoders".utf8) {
                try reader.readArray { try self.readDecoder(&$0) }
            } else {
                try entry.read(key, &reader)
            }
        }
        switch entry.type {
        case "Sequence", "Fuse": break
        case "ByteLevel": decoder.isByteLevel = true
        case "ByteFallback": decoder.readsBytes = true
        case "Replace" where entry.patternKind == "String" && !entry.pattern.isEmpty:
            decoder.replacements.append(.init(pattern: Array(entry.pattern.utf8), content: Array(entry.content.utf8)))
        case "Strip" where entry.content == " " && entry.stop == 0: decoder.strippedSpaces += entry.start
        case "Metaspace":
            decoder.replacements.append(.init(pattern: Array(entry.replacement.utf8), content: [0x20]))
            if entry.scheme != .never { decoder.strippedSpaces += 1 }
        default: throw TokenizerError.unsupported("decoder \(entry.type)")
        }
    }

    private mutating func readPreTokenizer(_ reader: inout JSONReader) throws {
        var entry = TokenizerStep()
        try reader.readObject { reader, key in
            if key.elementsEqual("pretokenizers".utf8) {
                try reader.readArray { try self.readPreTokenizer(&$0) }
            } else {
                try entry.read(key, &reader)
            }
        }
        if let step = try entry.preTokenizer() { preTokenizers.append(step) }
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
