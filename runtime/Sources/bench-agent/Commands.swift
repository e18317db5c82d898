#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import LanguageRuntime
import ModelManager
import Tokenizer

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension Agent {
    /// Streams the continuation of a prompt to standard output.
    func generate() async throws -> ExitCode {
        let options = try Options(
            Array(arguments.dropFirst()),
            values: ["--model", "--prompt", "--tokens", "--temperature", "--top-k", "--seed"],
            flags: ["--slide", "--ids"])
        let prompt = try options.required("--prompt")
        let sampling = Sampler.Settings(
            temperature: try options.number("--temperature", least: 0.0) ?? 0,
            topK: try options.number("--top-k", least: 1),
            seed: try options.number("--seed", least: 0) ?? 0)
        let request = GenerationOptions(
            maximumTokens: try options.number("--tokens", least: 1) ?? 200, sampling: sampling,
            contextPolicy: options.has("--slide") ? .slide(anchors: 4) : .stop)
        let generator = try await load(options)
        if !options.has("--ids") { Output.write(prompt) }
        let stream = generator.generate(prompt: prompt, options: request)
        for try await token in stream { Output.write(options.has("--ids") ? "\(token.id) " : token.text) }
        Output.write(try await stream.summary.remainder + "\n")
        return .success
    }

    /// Prints the median of five runs.
    func measureSpeed() async throws -> ExitCode {
        let options = try Options(
            Array(arguments.dropFirst()), values: ["--model", "--prompt", "--tokens"], flags: ["--json"])
        let generator = try await load(options)
        let prompt = generator.encode(
            prompt: options["--prompt"] ?? "Once upon a time, there was a little girl named Lily.")
        let room = generator.contextLimit - prompt.count + 1
        let request = GenerationOptions(
            maximumTokens: min(room, try options.number("--tokens", least: 2) ?? 128), stopsAtEnd: false)
        var profiles: [GenerationProfile] = []
        for _ in 0..<6 {
            let summary = try await generator.startConversation().generate(prompt, request) { _ in }
            profiles.append(summary.profile)
        }
        profiles.removeFirst()  // the first warms up
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let decode = median(profiles.compactMap(\.tokensPerSecond))
        let prefill = median(profiles.map { Double($0.promptTokens) / (Double($0.prefill) / 1e9) })
        let first = median(profiles.compactMap { $0.timeToFirstToken.map { Double($0) / 1e9 } })
        if options.has("--json") {
            let load = Double(generator.loadNanoseconds) / 1e9
            Output.write(
                "{\"decode_tok_s\":\(decode),\"prefill_tok_s\":\(prefill),\"ttft_s\":\(first),\"load_cold_s\":\(load)}\n"
            )
        } else {
            Output.write("load      \(rounded(Double(generator.loadNanoseconds) / 1e6)) ms\n")
            Output.write("prefill   \(rounded(prefill)) tok/s (\(prompt.count) tokens)\n")
            Output.write("first     \(rounded(first * 1e3)) ms\n")
            Output.write("decode    \(rounded(decode)) tok/s (\(request.maximumTokens) tokens, median of 5)\n")
        }
        return .success
    }

    /// Prints how well the model foresees the texts of a file.
    func measurePerplexity() async throws -> ExitCode {
        let options = try Options(
            Array(arguments.dropFirst()), values: ["--model", "--corpus", "--limit"], flags: ["--storage16", "--json"])
        let path = try options.required("--corpus")
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
            throw Options.Mistake("--corpus: \(path) cannot be read")
        }
        let texts = Self.texts(of: String(decoding: data, as: UTF8.self))
        let generator = try await load(options)
        var perplexity = Perplexity()
        for text in texts.prefix(try options.number("--limit", least: 1) ?? .max) {
            try await generator.score(text, into: &perplexity)
        }
        guard let value = perplexity.value else { throw Options.Mistake("--corpus: \(path) has no text") }
        if options.has("--json") {
            Output.write("{\"perplexity\":\(value),\"tokens\":\(perplexity.tokens)}\n")
        } else {
            Output.write("perplexity \(rounded(value)) over \(perplexity.tokens) tokens\n")
        }
        return .success
    }

    /// The texts of a corpus: "<|endoftext|>" parts them where it occurs, blank lines elsewhere.
    static func texts(of corpus: String) -> [String] {
        let mark = "<|endoftext|>"
        if corpus.contains(mark) {
            return corpus.split(separator: mark).map { $0.trimming(while: \.isWhitespace) }.filter { !$0.isEmpty }
        }
        var texts: [String] = []
        var lines: [Substring] = []
        for line in corpus.split(separator: "\n", omittingEmptySubsequences: false) + [Substring()] {
            if !line.isEmpty {
                lines.append(line)
            } else if !lines.isEmpty {
                texts.append(lines.joined(separator: "\n"))
                lines = []
            }
        }
        return texts
    }

    /// Checks a model's files and prints what it is.
    func inspect() throws -> ExitCode {
        let options = try Options(Array(arguments.dropFirst()), values: ["--model"], flags: ["--json"])
        let folder = URL(fileURLWithPath: try options.required("--model"))
        let manifest = try ModelPackage.open(folder, runtime: runtimeVersion).manifest
        let tokenizer = try BytePairTokenizer(contentsOf: folder.appendingPathComponent(manifest.tokenizer.file))
        if options.has("--json") {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            Output.write(String(decoding: try encoder.encode(manifest), as: UTF8.self) + "\n")
            return .success
        }
        let shape = manifest.architecture
        Output.write(
            """
            model       \(manifest.name) \(manifest.version), \(manifest.family), \(manifest.quantization ?? "unquantized")
            size        \(manifest.sizeBytes) bytes in \(manifest.files.count) files, all as the manifest says
            hash        \(manifest.hash)
            runtime     \(manifest.runtime) (this is \(runtimeVersion))
            network     \(shape.layers) layers, width \(shape.hidden), \(shape.heads) heads (\(shape.kvHeads) for keys and values), \(shape.vocab) tokens
            context     \(manifest.context) tokens, \(manifest.cacheBytes(tokens: manifest.context)) bytes of cache; prefill by \(manifest.prefillChunk)
            outputs     \(manifest.topK.map { "the \($0) most likely tokens of a step" } ?? "the logits of all tokens")
            tokenizer   \(tokenizer.count) tokens\n
            """)
        return .success
    }

    /// Two digits behind the point, without Foundation's formatters.
    private func rounded(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = String(hundredths % 100)
        return "\(hundredths / 100).\(fraction.count < 2 ? "0" : "")\(fraction)"
    }
}

extension Substring {
    /// Without what `predicate` holds for at either end.
    func trimming(while predicate: (Character) -> Bool) -> String {
        let rest = drop(while: predicate)
        return String(rest.reversed().drop(while: predicate).reversed())
    }
}

/// Standard output, flushed at every write so that text appears as it is generated.
enum Output {
    static func write(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }
}
