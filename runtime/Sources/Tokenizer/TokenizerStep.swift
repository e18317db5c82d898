/// One normalizer, pre-tokenizer or decoder of a tokenizer.json as it was read: all the settings that any of them has.
struct TokenizerStep {
    var type = ""
    var addsPrefixSpace = true
    var usesRegex = true
    var individualDigits = false
    var behavior = ""
    var inverted = false
    var patternKind = ""
    var pattern = ""
    var content = ""
    var prepend = ""
    var replacement = "\u{2581}"
    /// Written since tokenizers 0.15; before it `add_prefix_space` said always or never.
    var prependScheme: String?
    var cuts = true
    var start = 0
    var stop = 0

    mutating func read(_ key: [UInt8], _ reader: inout JSONReader) throws {
        func text(_ reader: inout JSONReader) throws -> String { String(decoding: try reader.readString(), as: UTF8.self) }
        switch String(decoding: key, as: UTF8.self) {
        case "type": type = try text(&reader)
        case "add_prefix_space": addsPrefixSpace = try reader.readBool()
        case "use_regex": usesRegex = try reader.readBool()
        case "individual_digits": individualDigits = try reader.readBool()
        case "behavior": behavior = try text(&reader)
        case "invert": inverted = try reader.readBool()
        case "content": content = try text(&reader)
        case "prepend": prepend = try text(&reader)
        case "replacement": replacement = try text(&reader)
        case "prepend_scheme": prependScheme = try text(&reader)
        case "split": cuts = try reader.readBool()
        case "start": start = try reader.readInt()
        case "stop": stop = try reader.readInt()
        case "pattern":
            try reader.readObject { reader, kind in
                patternKind = String(decoding: kind, as: UTF8.self)
                pattern = try text(&reader)
            }
        default: try reader.skip()
        }
    }

    /// nil for one that does not exist.
    var scheme: PreTokenizer.PrependScheme? {
        guard let prependScheme else { return addsPrefixSpace ? .always : .never }
        return PreTokenizer.PrependScheme(rawValue: prependScheme)
    }

    /// nil for a sequence, whose parts were read one by one.
    func preTokenizer() throws -> PreTokenizer? {
        switch type {
        case "Sequence": return nil
        case "ByteLevel": return .byteLevel(addsPrefixSpace: addsPrefixSpace, pattern: usesRegex ? .gpt2 : nil)
        case "Digits": return .digits(individually: individualDigits)
        case "Split": return try split()
        case "Metaspace":
            guard let scheme, let mark = replacement.unicodeScalars.first, replacement.unicodeScalars.count == 1 else {
                throw TokenizerError.unsupported("Metaspace by \"\(replacement)\", \(prependScheme ?? "")")
            }
            return .metaspace(mark: mark, prepends: scheme, cuts: cuts)
        default: throw TokenizerError.unsupported("pre-tokenizer \(type)")
        }
    }

    private func split() throws -> PreTokenizer {
        if patternKind == "String", !pattern.isEmpty, !inverted, let known = PreTokenizer.SplitBehavior(rawValue: behavior) {
            return .splitByText(Array(pattern.unicodeScalars), known)
        }
        // Every known expression matches all of any text, so isolating the matches is removing all but the matches.
        guard patternKind == "Regex", (behavior, inverted) == ("Isolated", false) || (behavior, inverted) == ("Removed", true) else {
            throw TokenizerError.unsupported("Split by \(patternKind) \"\(pattern)\", \(behavior)")
        }
        guard let known = SplitPattern(rawValue: pattern) else {
            throw TokenizerError.unsupported("Split by the expression \(pattern)")
        }
        return .split(known)
    }
}
