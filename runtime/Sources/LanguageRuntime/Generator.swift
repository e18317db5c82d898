import ModelManager
import Tokenizer

/// A model that is loaded and ready to generate: the runtime's front door.
///
/// ```swift
/// let generator = try await Generator.load(package, backend: CoreMLBackend())
/// for try await token in generator.generate(prompt: "Once upon a time") { print(token.text, terminator: "") }
/// ```
public final class Generator: Sendable {
    public let package: ModelPackage
    public let tokenizer: any Tokenizer
    public let model: any LoadedModel
    public let clock: MonotonicClock
    public let memory: MemoryMeter
    /// Duration of the backend's load, ns. The tokenizer is not part of it.
    public let loadNanoseconds: Int64
    let shape: ContextShape
    let interruption = Interruption()

    /// Loads tokenizer and program.
    ///
    /// - Throws: `RuntimeError`: what is wrong with the model, or that it does not fit in memory.
    public static func load(
        _ package: ModelPackage, backend: any ModelBackend, units: ComputeUnits = .all, memory: MemoryMeter = .system,
        clock: MonotonicClock = .system
    ) async throws -> Generator {
        let manifest = package.manifest
        let tokenizer: any Tokenizer
        do { tokenizer = try BytePairTokenizer(contentsOf: package.tokenizer) } catch {
            throw RuntimeError.incompatibleModel(String(describing: error))
        }
        guard tokenizer.count <= manifest.architecture.vocab else {
            throw RuntimeError.incompatibleModel(
                "the tokenizer has \(tokenizer.count) tokens, the network \(manifest.architecture.vocab)")
        }
        try memory.check(manifest.cacheBytes(tokens: manifest.context))
        let begin = clock.now()
        let model: any LoadedModel
        do { model = try await backend.load(package, units: units) } catch let error as RuntimeError {
            throw error
        } catch { throw RuntimeError.loadFailed(String(describing: error)) }
        let duration = clock.now() - begin
        return Generator(package, tokenizer, model, clock, memory, duration)
    }

    private init(
        _ package: ModelPackage, _ tokenizer: any Tokenizer, _ model: any LoadedModel, _ clock: MonotonicClock,
        _ memory: MemoryMeter, _ loadNanoseconds: Int64
    ) {
        self.package = package
        self.tokenizer = tokenizer
        self.model = model
        self.clock = clock
        self.memory = memory
        self.loadNanoseconds = loadNanoseconds
        shape = ContextShape(package.manifest)
    }

    /// Longest text in tokens that fits the context without forgetting any of it.
    public var contextLimit: Int { ContextWindow(shape).limit }

    /// Token ids of a prompt, with the begin-of-text token where the model wants one.
    public func encode(prompt: String) -> [Int32] {
        let entry = package.manifest.tokenizer
        let begin = entry.addBos == true ? entry.bos.map { [$0] } ?? [] : []
        return begin + tokenizer.encode(prompt)
    }

    /// Refuses sampling that needs more of the most likely tokens than the model's steps give.
    ///
    /// - Throws: `RuntimeError.tooFewCandidates`.
    public func check(_ sampling: Sampler.Settings) throws {
        let manifest = package.manifest
        guard let offered = manifest.topK else { return }
        let wanted = sampling.candidates
        guard min(wanted ?? .max, manifest.architecture.vocab) > offered else { return }
        throw RuntimeError.tooFewCandidates(wanted: wanted, offered: offered)
    }

    /// A text with an empty cache.
    public func startConversation(policy: ContextPolicy = .stop) throws -> Conversation {
        try Conversation(self, policy: policy)
    }

    /// Generates, handing tokens over as an asynchronous sequence for one consumer.
    ///
    /// - Parameter buffer: how many tokens may wait for the consumer. When they do, generation pauses.
    public func generate(prompt: String, options: GenerationOptions = .init(), buffer: Int = 16) -> TokenStream {
        TokenStream(capacity: buffer) { emit in
            let conversation = try self.startConversation(policy: options.contextPolicy)
            return try await conversation.generate(self.encode(prompt: prompt), options) { event in
                if case .token(let token) = event { try await emit(token) }
            }
        }
    }

    /// Generates, telling `stream` of each token and waiting until it has taken it.
    @discardableResult
    public func generate(
        prompt: String, stream: any TokenStreamDelegate, options: GenerationOptions = .init()
    ) async throws -> GenerationSummary {
        do {
            let conversation = try startConversation(policy: options.contextPolicy)
            let summary = try await conversation.generate(encode(prompt: prompt), options) { event in
                switch event {
                case .prefilled(let tokens, let time): await stream.generator(didPrefill: tokens, nanoseconds: time)
                case .token(let token): await stream.generator(didGenerate: token)
                }
            }
            await stream.generator(didFinish: summary)
            return summary
        } catch {
            await stream.generator(didFail: error)
            throw error
        }
    }

    /// Ends every generation of this generator that is under way, before its next step. What was generated stays.
    public func interrupt() { interruption.interrupt() }
}
