import Foundation
import MLProgram

@testable import ReferenceExecutor

/// Where the shared fixtures lie.
enum Fixtures {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    static let folder = tests.appendingPathComponent("Fixtures")
    static let tiny = folder.appendingPathComponent("model/tiny")
    static let tinyGolden = folder.appendingPathComponent("model/tiny.golden.json")
    /// Models that ship with the repository.
    static let models = tests.deletingLastPathComponent().appendingPathComponent("models")
    static let stories = models.appendingPathComponent("stories-1m")
    static let storiesGolden = folder.appendingPathComponent("model/golden.json")

    static func package(_ model: URL) throws -> ProgramPackage {
        try ProgramPackage(path: model.appendingPathComponent("model.mlpackage").path)
    }
}

/// What the numpy reference says of a model: see the converter's `golden`.
struct Golden: Decodable {
    struct Step: Decodable {
        /// How many greedy tokens were fed after the prompt.
        var fed: Int
        /// Keys and values rounded to fp16, as the state's type says.
        var logits: [Float]
        /// Keys and values kept in 32 bits.
        var logits_exact_cache: [Float]
    }

    struct Case: Decodable {
        var prompt: String
        var ids: [Int32]
        var greedy: [Int32]
        var steps: [Step]
    }

    /// Vocabulary positions of `logits`.
    var positions: [Int]
    var cases: [Case]

    static func read(_ url: URL) throws -> Golden {
        try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    }
}

/// Feeds tokens to a model of the contract, as the runtime does, but with nothing in between.
struct Feeder {
    let model: ReferenceModel
    let state: ReferenceState
    let context: Int
    let chunk: Int
    private var position = 0

    init(_ model: ReferenceModel) {
        self.model = model
        state = model.makeState()
        context = model.inputShape("causal_mask", of: "decode")![3]
        chunk = model.inputShape("input_ids", of: "prefill")![1]
    }

    /// Logits after `tokens`, through the prefill function in padded chunks.
    mutating func prefill(_ tokens: [Int32]) throws -> [Float] {
        var logits: [Float] = []
        var rest = tokens[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(chunk))
            rest = rest.dropFirst(chunk)
            logits = try run("prefill", part, padded: chunk)
        }
        return logits
    }

    /// Logits after one more token.
    mutating func decode(_ token: Int32) throws -> [Float] { try run("decode", [token], padded: 1) }

    private mutating func run(_ function: String, _ tokens: [Int32], padded: Int) throws -> [Float] {
        let positions = (0..<padded).map { Int32(position + min($0, tokens.count - 1)) }
        let mask = positions.flatMap { place in (0..<context).map { Int32($0) <= place ? Float(0) : -10000 } }
        let inputs: [String: Tensor] = [
            "input_ids": Tensor(tokens + [Int32](repeating: 0, count: padded - tokens.count), shape: [1, padded]),
            "position_ids": Tensor(positions, shape: [padded]),
            "cache_slot": Tensor([Int32(position)], shape: [1]),
            "causal_mask": Tensor(mask, shape: [1, 1, padded, context], dataType: .float16),
            "last_index": Tensor([Int32(tokens.count - 1)], shape: [1]),
        ]
        position += tokens.count
        return try model.run(function, inputs, state: state)["logits"]!.floats!
    }
}

func argmax(_ values: [Float]) -> Int32 {
    Int32(values.indices.max { values[$0] < values[$1] }!)
}

/// Largest absolute difference.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
}
