#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import LanguageRuntime

/// One line of `bench-agent logits`.
struct LogitsLine: Encodable {
    /// Tokens that the model has been fed.
    var fed: Int
    /// The most likely next token, the lowest id of equals.
    var greedy: Int32
    /// One value for each token of the vocabulary.
    var logits: [Float]

    init(fed: Int, logits: [Float]) throws {
        guard let greedy = Sampler.greatest(logits) else { throw RuntimeError.backend("the logits are not finite") }
        self.fed = fed
        self.greedy = Int32(greedy)
        self.logits = logits
    }
}

extension Agent {
    /// Prints what the model says after the given tokens and after each of some greedy ones, one JSON object a line.
    ///
    /// The tokens go through the same window, chunks and cache as in generation, so that a whole package can be held
    /// against a forward pass that somebody else wrote.
    func printLogits() async throws -> ExitCode {
        let options = try Options(
            Array(arguments.dropFirst()), values: ["--model", "--token-ids", "--greedy"],
            flags: ["--by-token", "--slide", "--storage16"])
        let tokens = try Self.tokenIDs(options.required("--token-ids"))
        let greedy = try options.number("--greedy", least: 0) ?? 0
        let generator = try await load(options)
        let vocabulary = generator.package.manifest.architecture.vocab
        guard tokens.allSatisfy({ (0..<Int32(vocabulary)).contains($0) }) else {
            throw Options.Mistake("--token-ids: the model's tokens are 0 to \(vocabulary - 1)")
        }
        let text = try generator.startConversation(policy: options.has("--slide") ? .slide(anchors: 0) : .stop)
        let encoder = JSONEncoder()
        func feed(_ tokens: [Int32]) async throws -> Int32 {
            let logits = try await text.logits(after: tokens)
            let line = try await LogitsLine(fed: text.length, logits: logits)
            Output.write(String(decoding: try encoder.encode(line), as: UTF8.self) + "\n")
            return line.greedy
        }
        var next: Int32 = 0
        for part in options.has("--by-token") ? tokens.map({ [$0] }) : [tokens] { next = try await feed(part) }
        for _ in 0..<greedy { next = try await feed([next]) }
        return .success
    }

    /// Token ids parted by commas.
    static func tokenIDs(_ text: String) throws -> [Int32] {
        let tokens = text.split(separator: ",", omittingEmptySubsequences: false).map { Int32($0) }
        guard !tokens.contains(nil) else {
            throw Options.Mistake("--token-ids: \"\(text)\" is not a list of whole numbers parted by commas")
        }
        return tokens.compactMap(\.self)
    }
}
