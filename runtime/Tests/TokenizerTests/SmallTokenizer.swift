@testable import Tokenizer

/// A byte-level tokenizer.json with the 256 bytes as ids 0..<256 in order of value, then the products of `merges`, then
/// `vocabulary`.
func tokenizerFile(
    merges: [String] = [], mergesAsPairs: Bool = false, extra: String = "", preTokenizer: String? = nil,
    added: String = "", vocabulary: [String] = []
) -> [UInt8] {
    func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
    let bytes = ByteAlphabet.scalarOfByte.map { String($0) }
    let products = merges.map { $0.replacing(" ", with: "") }
    let tokens = (bytes + products + vocabulary).enumerated().map { "\(quoted($1)): \($0)" }
    let listed = merges.map { merge in
        let parts = merge.split(separator: " ").map { quoted(String($0)) }
        return mergesAsPairs ? "[" + parts.joined(separator: ",") + "]" : quoted(merge)
    }
    let cutting = preTokenizer ?? #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}"#
    let json = """
        {"added_tokens":[\(added)],"normalizer":null,"pre_tokenizer":\(cutting),
        "model":{"type":"BPE",\(extra)"vocab":{\(tokens.joined(separator: ","))},"merges":[\(listed.joined(separator: ","))]}}
        """
    return Array(json.utf8)
}

/// Numbers that are the same in every run.
struct Numbers {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    /// From 0 up to, not including, `limit`.
    mutating func next(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}
