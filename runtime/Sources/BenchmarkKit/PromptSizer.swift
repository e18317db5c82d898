/// Brings prompts to an exact number of tokens, as scenarios ask for.
enum PromptSizer {
    /// `tokens` cut or repeated to `count`. A begin-of-text token stays first and is not repeated.
    static func resize(_ tokens: [Int32], to count: Int, begin: Int32?) -> [Int32] {
        let head = tokens.first.flatMap { $0 == begin ? [$0] : nil } ?? []
        let body = tokens.dropFirst(head.count)
        guard !body.isEmpty else { return Array(repeating: tokens.first ?? 0, count: tokens.isEmpty ? 0 : count) }
        var out = Array(head.prefix(count))
        out.reserveCapacity(count)
        while out.count < count { out += body.prefix(count - out.count) }
        return out
    }

    /// The text that stands before the prompt and the prompt itself, together one text: the begin-of-text token is in
    /// the part that comes first.
    static func split(_ prompt: [Int32], length: Int?, depth: Int, begin: Int32?) -> (before: [Int32], prompt: [Int32]) {
        let sized = length.map { resize(prompt, to: $0, begin: begin) } ?? prompt
        guard depth > 0 else { return ([], sized) }
        let before = resize(prompt, to: depth, begin: begin)
        let body = sized.first == begin && begin != nil ? Array(sized.dropFirst()) : sized
        return (before, resize(body, to: sized.count, begin: nil))
    }
}
