/// What a generation is asked for.
public struct GenerationOptions: Sendable, Hashable {
    /// Most tokens to generate.
    public var maximumTokens: Int
    public var sampling: Sampler.Settings
    /// Ends at the model's end-of-text token. Benchmarks go on past it, so that every run has the same length.
    public var stopsAtEnd: Bool
    public var contextPolicy: ContextPolicy

    public init(
        maximumTokens: Int = 256, sampling: Sampler.Settings = .init(), stopsAtEnd: Bool = true,
        contextPolicy: ContextPolicy = .stop
    ) {
        self.maximumTokens = maximumTokens
        self.sampling = sampling
        self.stopsAtEnd = stopsAtEnd
        self.contextPolicy = contextPolicy
    }
}

/// One token as it was generated.
public struct GeneratedToken: Sendable, Hashable {
    /// From 0 in its generation.
    public var index: Int
    public var id: Int32
    /// The text that it completes: whole characters, sometimes none.
    public var text: String
    /// When it was chosen, on the generator's clock, ns.
    public var at: Int64

    public init(index: Int, id: Int32, text: String, at: Int64) {
        self.index = index
        self.id = id
        self.text = text
        self.at = at
    }
}

/// What a generation goes through, in order: one `prefilled`, then tokens.
public enum GenerationEvent: Sendable, Hashable {
    /// The prompt is in the cache. `tokens` of it were fed in `nanoseconds`.
    case prefilled(tokens: Int, nanoseconds: Int64)
    case token(GeneratedToken)
}

/// How a generation ended.
public struct GenerationSummary: Sendable, Hashable {
    public enum Reason: String, Sendable, Hashable {
        /// As many tokens as were asked for.
        case length
        case endOfText = "end_of_text"
        case contextFull = "context_full"
        case cancelled
        case interrupted
    }

    public var reason: Reason
    public var profile: GenerationProfile
    /// Text that never became whole characters, as U+FFFD; nearly always empty.
    public var remainder: String
}

/// Where a generation's time went. Times are ns on the generator's clock.
public struct GenerationProfile: Sendable, Hashable {
    public var begin: Int64
    public var promptTokens: Int
    /// Duration of the prompt's pass.
    public var prefill: Int64
    /// When each token was chosen.
    public var tokens: [Int64] = []
    public var end: Int64

    /// From the request to the first token; nil when there was none.
    public var timeToFirstToken: Int64? { tokens.first.map { $0 - begin } }

    /// Tokens after the first, over the time from the first to the last; nil below two tokens.
    public var tokensPerSecond: Double? {
        guard let first = tokens.first, let last = tokens.last, last > first else { return nil }
        return Double(tokens.count - 1) / (Double(last - first) / 1e9)
    }
}
