#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import BenchmarkKit
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

/// What the process says when it ends.
enum ExitCode: Int32 {
    case success = 0
    case usage = 2
    case modelUnusable = 3
    case generationFailed = 4
    /// The event file cannot be written: disk full, or the folder is gone.
    case recordLost = 5
}

/// The host's build of the bench app: arguments in, exit code out.
struct Agent {
    let arguments: [String]
    let environment: [String: String]

    static let usage = """
        usage: bench-agent --plan PATH
               bench-agent generate   --model DIR --prompt TEXT [--tokens N] [--temperature T] [--top-k K] [--seed S]
                                      [--slide] [--ids]
               bench-agent speed      --model DIR [--prompt TEXT] [--tokens N] [--json]
               bench-agent perplexity --model DIR --corpus FILE [--limit N] [--storage16] [--json]
               bench-agent logits     --model DIR --token-ids I,I,… [--greedy N] [--by-token] [--slide] [--storage16]
               bench-agent tokens     --tokenizer FILE [--time] < LINES
               bench-agent inspect    --model DIR [--json]
               bench-agent --version

        --plan        carries out a plan and writes events.jsonl beside it
        generate      continues a prompt, as it goes
        speed         measures prompt and generation speed
        perplexity    scores a file of texts that are parted by blank lines
        logits        prints the logits after the given tokens, and after each of N greedy ones, as JSON lines
        tokens        encodes JSON strings, one a line, and prints the ids of each as JSON
                      (--storage16: every result rounded to fp16, to see what overflows on a phone)
        inspect       checks a model's files and says what it is

        exit codes: 0 ok, 2 usage, 3 model unusable, 4 generation failed, 5 event file not writable
        """

    func run() async -> ExitCode {
        do {
            return try await dispatch()
        } catch let error as Options.Mistake {
            complain("\(error.reason)\n\(Self.usage)")
            return .usage
        } catch let error as PlanError {
            complain(error.description)
            return .usage
        } catch let error as RecordError {
            complain("\(error). Free some space and launch again: the plan goes on where it stopped.")
            return .recordLost
        } catch let error as ModelError {
            complain(error.description)
            return .modelUnusable
        } catch let error as RuntimeError {
            complain(error.description)
            switch error {
            case .loadFailed, .incompatibleModel: return .modelUnusable
            case .outOfMemory, .promptTooLong, .emptyPrompt, .tooFewCandidates, .backend: return .generationFailed
            }
        } catch {
            complain(String(describing: error))
            return .generationFailed
        }
    }

    private func dispatch() async throws -> ExitCode {
        switch arguments.first {
        case "--version":
            print(runtimeVersion)
            return .success
        case "--help", "-h", "help":
            print(Self.usage)
            return .success
        case let word? where word == "--plan" || word.hasPrefix("--plan="): return try await carryOutPlan()
        case "generate": return try await generate()
        case "speed": return try await measureSpeed()
        case "perplexity": return try await measurePerplexity()
        case "logits": return try await printLogits()
        case "tokens": return try printTokens()
        case "inspect": return try inspect()
        case let word?: throw Options.Mistake("unknown command \(word)")
        case nil: throw Options.Mistake("no command")
        }
    }

    private func carryOutPlan() async throws -> ExitCode {
        let options = try Options(arguments, values: ["--plan"], flags: [])
        var session = SessionEnvironment(
            backend: Backends.preferred, identity: AppBundle.identity(), environment: environment)
        #if os(Linux)
        if let text = environment["LILIMS_FAULT"] {
            guard let fault = TestFault(text) else { throw Options.Mistake("LILIMS_FAULT: cannot read \"\(text)\"") }
            fault.apply(to: &session)
        }
        #endif
        let benchmark = try BenchmarkSession(planPath: options.required("--plan"), environment: session)
        let result = try await benchmark.run()
        if result == .recordLost {
            complain("the event file cannot be written any more; free some space and launch again")
        }
        return ExitCode(rawValue: result.rawValue) ?? .generationFailed
    }

    func complain(_ text: String) { StandardError.write("bench-agent: \(text)\n") }

    /// Loads the model that `--model` names.
    func load(_ options: Options, verification: ModelPackage.Verification = .contents) async throws -> Generator {
        let folder = URL(fileURLWithPath: try options.required("--model"))
        let package = try ModelPackage.open(folder, runtime: runtimeVersion, verification: verification)
        let backend = options.has("--storage16") ? Backends.storage16 : Backends.preferred
        return try await Generator.load(package, backend: backend, units: .all)
    }
}

/// Standard error, unbuffered.
enum StandardError {
    static func write(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { bytes in
            #if canImport(Darwin)
            Darwin.write(2, bytes.baseAddress, bytes.count)
            #elseif canImport(Glibc)
            Glibc.write(2, bytes.baseAddress, bytes.count)
            #else
            Musl.write(2, bytes.baseAddress, bytes.count)
            #endif
        }
    }
}
