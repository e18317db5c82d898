import LanguageRuntime
import Synchronization

/// Runs iterations on a loaded model. Every iteration that begins is recorded with an end, whatever happens in it.
final class IterationRunner: Sendable {
    /// The reading that says how well the model foresees a text.
    private static let perplexity = "perplexity"
    private let plan: Plan
    private let generator: Mutex<Generator?>
    private let recorder: Recorder
    private let probes: ProbeLoop
    private let stop: StopSignal
    private let signposts: any PhaseSignposts
    /// Tokens that fill the cache before the prompt, and the prompt.
    private let before: [Int32]
    private let prompt: [Int32]

    /// - Throws: `RuntimeError.promptTooLong` when the plan does not fit the model's context: a generation that ends
    ///   early would be measured as if it were whole. `tooFewCandidates` when the model cannot sample as the plan asks.
    init(
        _ plan: Plan, _ generator: Generator, _ recorder: Recorder, _ probes: ProbeLoop, _ stop: StopSignal,
        _ signposts: any PhaseSignposts
    ) throws {
        self.plan = plan
        self.generator = Mutex(generator)
        self.recorder = recorder
        self.probes = probes
        self.stop = stop
        self.signposts = signposts
        let encoded = generator.encode(prompt: plan.prompt)
        guard !encoded.isEmpty else { throw RuntimeError.emptyPrompt }
        (before, prompt) = PromptSizer.split(
            encoded, length: plan.promptTokens, depth: plan.kvDepth, begin: generator.package.manifest.tokenizer.bos)
        // The last token that is generated is not fed back.
        let needed = before.count + prompt.count + plan.generateTokens - 1
        let limit = generator.contextLimit
        guard needed <= limit else { throw RuntimeError.promptTooLong(tokens: needed, limit: limit) }
        try generator.check(Self.sampling(plan, 0))
        stop.watch(generator)
    }

    /// Lets go of the model.
    func release() {
        stop.watch(nil)
        generator.withLock { $0 = nil }
    }

    /// Measures how well the model foresees the plan's text: after the iterations, so that it costs them nothing. What
    /// cannot be scored is told as missing, and spoils nothing else.
    func score() async {
        guard let text = plan.scoreText, let generator = generator.withLock({ $0 }) else { return }
        recorder.enter(.score, iteration: nil)
        var perplexity = Perplexity()
        do {
            try await generator.score(text, into: &perplexity)
            guard let value = perplexity.value else { throw RuntimeError.emptyPrompt }
            recorder.sample(Self.perplexity, value, "1")
        } catch {
            recorder.missing(Self.perplexity, "1", "the text was not scored: \(error)")
        }
        probes.endPhase()
        recorder.enter(.idle, iteration: nil)
    }

    /// - Parameter deadline: when a soak ends, ns; the iteration then ends with the tokens that it has.
    /// - Returns: whether it ended as planned, or by the session's own rules.
    func run(_ index: Int, warmup: Bool, deadline: Int64?) async -> Bool {
        guard let generator = generator.withLock({ $0 }) else { return false }
        recorder.enter(.prefill, iteration: index)
        probes.beginIteration()
        let progress = IterationProgress(index, recorder, probes, signposts)
        do {
            let conversation = try generator.startConversation()
            if !before.isEmpty { try await conversation.append(before) }
            progress.begin(warmup: warmup, promptTokens: prompt.count)
            let summary = try await conversation.generate(prompt, options(index)) { [stop, recorder] event in
                progress.take(event)
                if let failure = recorder.failure { throw failure }
                if let deadline, recorder.clock.now() >= deadline { stop.stop(.duration) }
            }
            return progress.end(summary, stop.cause)
        } catch {
            progress.begin(warmup: warmup, promptTokens: prompt.count)
            progress.fail(error)
            return false
        }
    }

    /// Each iteration draws its own numbers, the same in every session of the plan.
    private func options(_ index: Int) -> GenerationOptions {
        GenerationOptions(
            maximumTokens: plan.generateTokens, sampling: Self.sampling(plan, index), stopsAtEnd: plan.stopAtEnd)
    }

    private static func sampling(_ plan: Plan, _ index: Int) -> Sampler.Settings {
        Sampler.Settings(
            temperature: plan.temperature, topK: plan.topK, seed: plan.seed &+ UInt64(truncatingIfNeeded: index))
    }
}

/// Records one iteration from its beginning to its end.
final class IterationProgress: Sendable {
    private struct State {
        var hasBegun = false
        var prefill: (tokens: Int, nanoseconds: Int64)?
        var phase: Phase?
        var tokens = 0
    }

    private let index: Int
    private let recorder: Recorder
    private let probes: ProbeLoop
    private let signposts: any PhaseSignposts
    private let state = Mutex(State())

    init(_ index: Int, _ recorder: Recorder, _ probes: ProbeLoop, _ signposts: any PhaseSignposts) {
        self.index = index
        self.recorder = recorder
        self.probes = probes
        self.signposts = signposts
    }

    /// Records the beginning, once.
    func begin(warmup: Bool, promptTokens: Int) {
        let isFirst = state.withLock { state in
            defer { (state.hasBegun, state.phase) = (true, .prefill) }
            return !state.hasBegun
        }
        guard isFirst else { return }
        signposts.begin(.prefill)
        recorder.record(.iterationBegin, iteration: index) {
            $0.warmup = warmup
            $0.promptTokens = promptTokens
        }
    }

    func take(_ event: GenerationEvent) {
        switch event {
        case .prefilled(let tokens, let nanoseconds):
            // Before the first decode step has its own memory. Tokens are stamped where they are made, not here.
            probes.endPhase()
            // Written with the first token: the time to it is being measured.
            state.withLock { $0.prefill = (tokens, nanoseconds) }
        case .token(let token):
            state.withLock { $0.tokens += 1 }
            writePrefill()
            recorder.token(token, iteration: index)
        }
    }

    private func writePrefill() {
        let prefill = state.withLock { state in
            defer { state.prefill = nil }
            if state.prefill != nil { state.phase = .decode }
            return state.prefill
        }
        guard let prefill else { return }
        signposts.end(.prefill)
        signposts.begin(.decode)
        recorder.record(.prefill, iteration: index) {
            $0.promptTokens = prefill.tokens
            $0.ns = prefill.nanoseconds
        }
        recorder.enter(.decode, iteration: index)
    }

    /// - Returns: whether this is an end that the plan foresees.
    func end(_ summary: GenerationSummary, _ cause: StopSignal.Cause?) -> Bool {
        switch (summary.reason, cause) {
        case (.interrupted, .thermal(let state)): close("thermal", "thermal state \(state.rawValue)")
        case (.interrupted, .duration): close("ok", "duration")
        case (.length, _), (.endOfText, _): close("ok", summary.reason.rawValue)
        case (.contextFull, _), (.interrupted, nil), (.cancelled, _):
            recorder.record(.error, iteration: index) {
                $0.code = summary.reason == .contextFull ? "context_full" : "cancelled"
                $0.message = "the generation ended early: \(summary.reason.rawValue)"
            }
            close("error", summary.reason.rawValue)
            return false
        }
        return true
    }

    func fail(_ error: any Error) {
        recorder.record(.error, iteration: index) {
            $0.code = (error as? RuntimeError)?.code ?? "backend"
            $0.message = String(describing: error)
        }
        close("error", String(describing: error))
    }

    private func close(_ outcome: String, _ reason: String) {
        writePrefill()
        probes.endPhase()
        let (phase, tokens) = state.withLock { ($0.phase, $0.tokens) }
        if let phase { signposts.end(phase) }
        recorder.record(.iterationEnd, iteration: index) {
            $0.outcome = outcome
            $0.reason = reason
            $0.count = tokens
        }
        recorder.enter(.idle, iteration: nil)
    }
}
