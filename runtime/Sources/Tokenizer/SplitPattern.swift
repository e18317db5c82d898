/// The regular expressions that published tokenizers cut text with, by their own text. They are few, so each is a
/// scanner of its own; an expression that is not here is refused when the tokenizer is read.
enum SplitPattern: String, Sendable {
    case gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    /// Llama 3: numbers in groups of up to three.
    case llama3 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    /// Qwen 2: as Llama 3, each digit alone.
    case qwen2 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// Cuts `text` and hands on each match. Every scalar is in exactly one match.
    func cut(_ text: ArraySlice<Unicode.Scalar>, _ emit: (ArraySlice<Unicode.Scalar>) -> Void) {
        let scanner = SplitScanner(text: text)
        var start = text.startIndex
        while start < text.endIndex {
            let end =
                switch self {
                case .gpt2: scanner.gpt2Match(at: start)
                case .llama3: scanner.llamaMatch(at: start, digits: 3)
                case .qwen2: scanner.llamaMatch(at: start, digits: 1)
                }
            emit(text[start..<end])
            start = end
        }
    }
}

/// Finds where the match that begins at an index ends. Alternatives are tried in the order of the expression.
private struct SplitScanner {
    let text: ArraySlice<Unicode.Scalar>

    private func kind(_ index: Int) -> ScalarClass? { index < text.endIndex ? ScalarClass(text[index]) : nil }

    private func run(of kind: ScalarClass, from index: Int) -> Int {
        var end = index
        while end < text.endIndex, ScalarClass(text[end]) == kind { end += 1 }
        return end
    }

    private func isLineEnd(_ index: Int) -> Bool {
        index < text.endIndex && (text[index] == "\n" || text[index] == "\r")
    }

    /// 's 't 're 've 'm 'll 'd; nil when there is none.
    private func contraction(at index: Int, ignoringCase: Bool) -> Int? {
        guard text[index] == "'", index + 1 < text.endIndex else { return nil }
        let first = fold(text[index + 1], ignoringCase)
        if "stmd".unicodeScalars.contains(first) { return index + 2 }
        guard index + 2 < text.endIndex else { return nil }
        switch (first, fold(text[index + 2], ignoringCase)) {
        case ("r", "e"), ("v", "e"), ("l", "l"): return index + 3
        default: return nil
        }
    }

    /// Simple case folding of what the contractions are made of; U+017F is the long s.
    private func fold(_ scalar: Unicode.Scalar, _ ignoringCase: Bool) -> Unicode.Scalar {
        guard ignoringCase else { return scalar }
        if scalar == "\u{17F}" { return "s" }
        return ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar
    }

    func gpt2Match(at start: Int) -> Int {
        if let end = contraction(at: start, ignoringCase: false) { return end }
        let body = text[start] == " " ? start + 1 : start
        if let kind = kind(body), kind != .space { return run(of: kind, from: body) }
        return spaces(from: start)
    }

    func llamaMatch(at start: Int, digits: Int) -> Int {
        if let end = contraction(at: start, ignoringCase: true) { return end }
        let first = ScalarClass(text[start])
        if first == .letter { return run(of: .letter, from: start) }
        if first != .number, !isLineEnd(start), kind(start + 1) == .letter { return run(of: .letter, from: start + 1) }
        if first == .number {
            return min(run(of: .number, from: start), start + digits)
        }
        let body = text[start] == " " ? start + 1 : start
        if kind(body) == .other {
            var end = run(of: .other, from: body)
            while isLineEnd(end) { end += 1 }
            return end
        }
        // White space up to the last line end in it, if there is one: \s*[\r\n]+
        let end = run(of: .space, from: start)
        if let last = text[start..<end].lastIndex(where: { $0 == "\n" || $0 == "\r" }) { return last + 1 }
        return spaces(from: start)
    }

    /// \s+(?!\S)|\s+ : a run of white space leaves its last scalar to a word that follows, unless it is alone.
    private func spaces(from start: Int) -> Int {
        let end = run(of: .space, from: start)
        return end < text.endIndex && end - start > 1 ? end - 1 : end
    }
}
