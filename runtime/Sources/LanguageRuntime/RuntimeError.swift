/// Why a generation could not be made or ended early. `code` is what event lines carry.
public enum RuntimeError: Error, Sendable, Equatable {
    /// The backend could not load the model.
    case loadFailed(String)
    /// The model is sound but not for this runtime or tokenizer.
    case incompatibleModel(String)
    /// Bytes wanted and bytes there; `available` is nil where the system does not say.
    case outOfMemory(needed: Int64, available: Int64?)
    case promptTooLong(tokens: Int, limit: Int)
    /// A prompt without a single token has nothing to continue.
    case emptyPrompt
    /// The model gives fewer of the most likely tokens than sampling asks for; nil: it asks for all.
    case tooFewCandidates(wanted: Int?, offered: Int)
    /// The backend failed in the middle of a generation.
    case backend(String)

    /// The field `code` of error events.
    public var code: String {
        switch self {
        case .loadFailed: "load_failed"
        case .incompatibleModel: "incompatible_model"
        case .outOfMemory: "out_of_memory"
        case .promptTooLong: "prompt_too_long"
        case .emptyPrompt: "empty_prompt"
        case .tooFewCandidates: "too_few_candidates"
        case .backend: "backend"
        }
    }
}

extension RuntimeError: CustomStringConvertible {
    /// What went wrong, in one line.
    public var description: String {
        switch self {
        case .loadFailed(let reason): "model load: \(reason)"
        case .incompatibleModel(let reason): "incompatible model: \(reason)"
        case .outOfMemory(let needed, let available?): "out of memory: \(needed) bytes wanted, \(available) available"
        case .outOfMemory(let needed, nil): "out of memory: \(needed) bytes wanted"
        case .promptTooLong(let tokens, let limit):
            "the prompt has \(tokens) tokens, the model's context takes \(limit); shorten it"
        case .emptyPrompt: "the prompt has no tokens; give some text"
        case .tooFewCandidates(let wanted, let offered):
            "sampling draws from \(wanted.map { "the \($0) most likely" } ?? "all") tokens, the model gives \(offered); "
                + "set top-k to \(offered) or less, or convert the model with --outputs logits"
        case .backend(let reason): "generation: \(reason)"
        }
    }
}
