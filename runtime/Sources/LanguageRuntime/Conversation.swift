import Tokenizer

/// One text that grows: a model, its key-value state and where in the context it stands. Prompts and generated tokens
/// are appended to it; a new conversation begins with an empty cache.
///
/// An actor, because a state may serve one call at a time. `emit` is awaited before the next step: a slow consumer slows
/// the generation down and loses nothing.
public actor Conversation {
    private let generator: Generator
    private let model: any LoadedModel
    private let tokenizer: any Tokenizer
    private let state: any ModelState
    private let end: Int32?
    private let clock: MonotonicClock
    private let interruption: Interruption
    private let memory: MemoryMeter
    private var window: ContextWindow

    init(_ generator: Generator, policy: ContextPolicy) throws {
        self.generator = generator
        model = generator.model
        tokenizer = generator.tokenizer
        end = generator.package.manifest.tokenizer.eos
        clock = generator.clock
        interruption = generator.interruption
        memory = generator.memory
        window = ContextWindow(generator.shape, policy: policy)
        do { state = try generator.model.makeState() } catch { throw Self.described(error) }
    }

    /// Tokens in the text so far.
    public var length: Int { window.position }

    /// Appends tokens without generating, e.g. to reach a given depth of the cache.
    public func append(_ tokens: [Int32]) async throws {
        _ = try await feed(tokens, since: interruption.mark())
    }

    /// Appends tokens and returns what the model says after the last of them, V logits, without choosing a token.
    ///
    /// - Throws: `RuntimeError`; `emptyPrompt` without tokens.
    public func logits(after tokens: [Int32]) async throws -> [Float] {
        guard !tokens.isEmpty else { throw RuntimeError.emptyPrompt }
        let state = state
        let logits = try await feed(tokens, since: interruption.mark()) { [model] in
            try await model.logits($0, state: state)
        }
        guard let logits else { throw CancellationError() }
        return logits
    }

    /// Appends `prompt` and generates.
    ///
    /// - Returns: how it ended; cancellation and interruption are ends, not errors.
    /// - Throws: `RuntimeError`, or what `emit` throws.
    public func generate(
        _ prompt: [Int32], _ options: GenerationOptions, emit: @Sendable (GenerationEvent) async throws -> Void
    ) async throws -> GenerationSummary {
        let mark = interruption.mark()
        let begin = clock.now()
        guard !prompt.isEmpty else { throw RuntimeError.emptyPrompt }
        try generator.check(options.sampling)
        var run = Run(
            begin: begin, promptTokens: prompt.count, sampler: Sampler(options.sampling), tokenizer: tokenizer)
        guard var candidates = try await feed(prompt, since: mark) else {
            return run.summary(stopReason(mark), clock.now())
        }
        run.profile.prefill = clock.now() - begin
        try await emit(.prefilled(tokens: prompt.count, nanoseconds: run.profile.prefill))
        while run.profile.tokens.count < options.maximumTokens {
            guard let id = run.sampler.next(candidates) else { throw RuntimeError.backend("the logits are not finite") }
            if options.stopsAtEnd, id == end { return run.summary(.endOfText, clock.now()) }
            try await emit(.token(run.accept(id, at: clock.now())))
            // The last token is not fed: nobody asks what follows it.
            if run.profile.tokens.count == options.maximumTokens { break }
            guard window.hasRoom else { return run.summary(.contextFull, clock.now()) }
            guard let next = try await feed([id], since: mark) else {
                return run.summary(stopReason(mark), clock.now())
            }
            candidates = next
        }
        return run.summary(.length, clock.now())
    }

    /// Feeds tokens and returns what may follow the last; nil when it was told to stop.
    private func feed(_ tokens: [Int32], since mark: Interruption.Mark) async throws -> Candidates? {
        let state = state
        return try await feed(tokens, since: mark) { [model] in try await model.candidates($0, state: state) }
    }

    /// Feeds tokens and returns what `last` makes of the last step; nil when it was told to stop.
    private func feed<Result: Sendable>(
        _ tokens: [Int32], since mark: Interruption.Mark, last: (ModelStep) async throws -> Result
    ) async throws -> Result? {
        if window.policy == .stop, window.position + tokens.count > window.limit {
            throw RuntimeError.promptTooLong(tokens: window.position + tokens.count, limit: window.limit)
        }
        var pending = tokens[...]
        var result: Result?
        while !pending.isEmpty {
            if Task.isCancelled || interruption.mark() != mark { return nil }
            try memory.checkFloor()
            let step = window.step(&pending)
            do {
                guard pending.isEmpty else {
                    _ = try await model.candidates(step, state: state)
                    continue
                }
                result = try await last(step)
            } catch { throw Self.described(error) }
        }
        return result
    }

    private func stopReason(_ mark: Interruption.Mark) -> GenerationSummary.Reason {
        interruption.mark() != mark ? .interrupted : .cancelled
    }

    /// A backend's own errors come out as the runtime's.
    private static func described(_ error: any Error) -> RuntimeError {
        error as? RuntimeError ?? .backend(String(describing: error))
    }

    /// What one call of `generate` keeps.
    private struct Run {
        var profile: GenerationProfile
        var sampler: Sampler
        private var detokenizer: Detokenizer

        init(begin: Int64, promptTokens: Int, sampler: Sampler, tokenizer: any Tokenizer) {
            profile = GenerationProfile(begin: begin, promptTokens: promptTokens, prefill: 0, end: begin)
            self.sampler = sampler
            detokenizer = Detokenizer(tokenizer)
        }

        mutating func accept(_ id: Int32, at: Int64) -> GeneratedToken {
            let token = GeneratedToken(index: profile.tokens.count, id: id, text: detokenizer.append(id), at: at)
            profile.tokens.append(at)
            return token
        }

        mutating func summary(_ reason: GenerationSummary.Reason, _ now: Int64) -> GenerationSummary {
            profile.end = now
            return GenerationSummary(reason: reason, profile: profile, remainder: detokenizer.finish())
        }
    }
}
