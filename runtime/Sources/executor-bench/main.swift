import Foundation
import MLProgram
import ReferenceExecutor

// Measures the reference executor on a model folder: tokens per second of both functions, and what the machine could do
// at best, measured in the same run. Prints one line per figure; nothing is stored.
//
//   executor-bench <model folder> [--tokens N] [--threads N]

exit(run(Array(CommandLine.arguments.dropFirst())))

func run(_ arguments: [String]) -> Int32 {
    var folder: String?
    var options = ["--tokens": 64, "--threads": ProcessInfo.processInfo.activeProcessorCount]
    var rest = arguments[...]
    while let argument = rest.popFirst() {
        if options[argument] != nil {
            guard let value = rest.popFirst().flatMap({ Int($0) }), value > 0 else { return usage() }
            options[argument] = value
        } else if folder == nil, !argument.hasPrefix("-") {
            folder = argument
        } else {
            return usage()
        }
    }
    guard let folder, let tokens = options["--tokens"], let threads = options["--threads"] else { return usage() }
    do {
        try Benchmark(folder: folder, tokens: tokens, threads: threads).run()
        return 0
    } catch {
        FileHandle.standardError.write(Data("executor-bench: \(error)\n".utf8))
        return 1
    }
}

func usage() -> Int32 {
    FileHandle.standardError.write(Data("usage: executor-bench <model folder> [--tokens N] [--threads N]\n".utf8))
    return 2
}
