#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import LanguageRuntime
import Tokenizer

extension Agent {
    /// Encodes texts from standard input, one JSON string a line, and prints the ids of each as a JSON array: what a
    /// tokenizer does can then be held against another implementation on any number of texts.
    func printTokens() throws -> ExitCode {
        let options = try Options(Array(arguments.dropFirst()), values: ["--tokenizer"], flags: ["--time"])
        let path = try options.required("--tokenizer")
        let tokenizer: BytePairTokenizer
        do { tokenizer = try BytePairTokenizer(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw RuntimeError.incompatibleModel(String(describing: error))
        }
        let clock = MonotonicClock.system
        var (spent, bytes): (Int64, Int) = (0, 0)
        while let line = readLine() {
            guard let text = try? JSONDecoder().decode(String.self, from: Data(line.utf8)) else {
                throw Options.Mistake("standard input: \"\(line.prefix(60))\" is no JSON string")
            }
            let begin = clock.now()
            let ids = tokenizer.encode(text)
            spent += clock.now() - begin
            bytes += text.utf8.count
            print("[" + ids.map(String.init).joined(separator: ",") + "]")
        }
        if options.has("--time") { complain("\(bytes) bytes in \(spent) ns") }
        return .success
    }
}
