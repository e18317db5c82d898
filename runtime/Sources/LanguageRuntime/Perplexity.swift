#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// How well a model foresees texts: exp of the mean negative log-likelihood per token. Each text stands alone, from the
/// begin-of-text token; its end-of-text token counts, its beginning does not; nothing slides.
public struct Perplexity: Sendable, Equatable {
    /// Sum of negative log-likelihoods, nats.
    public private(set) var total = 0.0
    /// Predictions that were scored.
    public private(set) var tokens = 0

    public init() {}

    /// nil before anything was scored.
    public var value: Double? { tokens > 0 ? exp(total / Double(tokens)) : nil }

    mutating func add(_ logProbability: Double) {
        total -= logProbability
        tokens += 1
    }
}

extension Generator {
    /// Scores one text and adds it to `perplexity`.
    ///
    /// - Throws: `RuntimeError.promptTooLong` for a text that does not fit the context: cutting it would change the
    ///   figure silently.
    public func score(_ text: String, into perplexity: inout Perplexity) async throws {
        var tokens = encode(prompt: text)
        if let end = package.manifest.tokenizer.eos { tokens.append(end) }
        try await score(tokens, into: &perplexity)
    }

    /// Scores every token but the first.
    func score(_ tokens: [Int32], into perplexity: inout Perplexity) async throws {
        guard tokens.count > 1 else { return }
        let limit = contextLimit
        guard tokens.count - 1 <= limit else {
            throw RuntimeError.promptTooLong(tokens: tokens.count - 1, limit: limit)
        }
        if package.manifest.functions.score == nil {
            try await scoreByToken(tokens, into: &perplexity)
        } else if try await !scoreByChunk(tokens, into: &perplexity) {
            try await scoreByToken(tokens, into: &perplexity)
        }
    }

    /// With the model's own score function: a chunk of log-probabilities a call.
    ///
    /// - Returns: false, with nothing added, when the backend cannot use that function.
    private func scoreByChunk(_ tokens: [Int32], into perplexity: inout Perplexity) async throws -> Bool {
        var scored = perplexity
        let state = try model.makeState()
        var window = ContextWindow(shape)
        var pending = tokens.dropLast()
        var next = 1
        while !pending.isEmpty {
            var step = window.step(&pending)
            // The score function takes whole chunks only; where none fits any more the logits tell.
            guard step.function == .prefill else {
                let logits = try await model.logits(step, state: state)
                scored.add(Self.logProbability(of: tokens[next], logits))
                next += 1
                continue
            }
            step.function = .score
            // Tokens that are fed again have been scored; so has no padding.
            let counted = step.repeated..<step.count
            let targets = step.tokens.indices.map { counted.contains($0) ? tokens[next + $0 - step.repeated] : 0 }
            guard let scores = try await model.logProbabilities(step, targets: targets, state: state) else {
                return false
            }
            for score in scores[counted] { scored.add(Double(score)) }
            next += counted.count
        }
        perplexity = scored
        return true
    }

    /// One decode call a token: for models without a score function.
    private func scoreByToken(_ tokens: [Int32], into perplexity: inout Perplexity) async throws {
        let state = try model.makeState()
        var window = ContextWindow(shape)
        for (token, target) in zip(tokens, tokens.dropFirst()) {
            var pending = [token][...]
            let logits = try await model.logits(window.step(&pending), state: state)
            perplexity.add(Self.logProbability(of: target, logits))
        }
    }

    static func logProbability(of target: Int32, _ logits: [Float]) -> Double {
        let top = Double(logits.max() ?? 0)
        let sum = logits.reduce(0.0) { $0 + exp(Double($1) - top) }
        return Double(logits[Int(target)]) - top - log(sum)
    }
}
