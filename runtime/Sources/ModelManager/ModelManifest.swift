/// manifest.json of a converted model, field by field as docs/model-contract.md has it. Unknown fields are skipped, so
/// that a converter may say more than this runtime needs.
public struct ModelManifest: Sendable, Hashable, Codable {
    /// Version of the manifest's own format. This reader knows 1.
    public var format: Int
    public var name: String
    public var version: SemanticVersion
    public var family: String
    public var quantization: String?
    /// Bytes of all files together.
    public var sizeBytes: Int64
    /// SHA-256 over the lines `path TAB size TAB sha256 LF` of `files`, sorted by path.
    public var hash: String
    public var files: [File]
    /// Versions of the runtime that the model works with.
    public var runtime: VersionRange
    /// Cache length in tokens.
    public var context: Int
    /// Tokens that the prefill function takes at once.
    public var prefillChunk: Int
    /// Absolute positions that the position tables cover; nil: as many as `context`.
    public var positions: Int?
    /// What prefill and decode give; nil: the logits of all tokens.
    public var outputs: Outputs?
    /// How many positions back the local layers see, the current one counted; nil: no layer is local, and functions take
    /// no mask for them.
    public var localWindow: Int?
    public var architecture: Architecture
    public var tokenizer: TokenizerEntry
    /// What the program's functions are called; nil where the model has none.
    public var functions: Functions
    public var licence: String?

    public struct File: Sendable, Hashable, Codable {
        /// Relative to the model's folder, with "/".
        public var path: String
        public var size: Int64
        public var sha256: String
    }

    public struct Architecture: Sendable, Hashable, Codable {
        public var layers: Int
        public var hidden: Int
        public var heads: Int
        public var kvHeads: Int
        public var headDim: Int
        public var vocab: Int

        enum CodingKeys: String, CodingKey {
            case layers, hidden, heads, vocab
            case kvHeads = "kv_heads"
            case headDim = "head_dim"
        }
    }

    public struct TokenizerEntry: Sendable, Hashable, Codable {
        public var file: String
        public var bos: Int32?
        public var eos: Int32?
        /// Whether a prompt begins with `bos`.
        public var addBos: Bool?

        enum CodingKeys: String, CodingKey {
            case file, bos, eos
            case addBos = "add_bos"
        }
    }

    public struct Functions: Sendable, Hashable, Codable {
        public var prefill: String
        public var decode: String
        /// One token's decode step that gives the logits of all tokens, where decode itself does not.
        public var logits: String?
        public var score: String?

        public init(prefill: String, decode: String, logits: String? = nil, score: String? = nil) {
            self.prefill = prefill
            self.decode = decode
            self.logits = logits
            self.score = score
        }
    }

    public struct Outputs: Sendable, Hashable, Codable {
        public enum Kind: String, Sendable, Hashable, Codable {
            /// `logits`, of all tokens.
            case logits
            /// `top_ids` and `top_logits`, of the `k` most likely tokens.
            case topK = "top_k"
        }

        public var kind: Kind
        public var k: Int?
    }

    enum CodingKeys: String, CodingKey {
        case format, name, version, family, quantization, hash, files, runtime, context, positions
        case architecture, tokenizer, functions, outputs, licence
        case localWindow = "local_window"
        case sizeBytes = "size_bytes"
        case prefillChunk = "prefill_chunk"
    }

    /// How many of the most likely tokens a step gives; nil: the logits of all.
    public var topK: Int? { outputs?.kind == .topK ? outputs?.k : nil }

    /// Bytes of the key-value cache for `tokens` tokens: keys and values of every layer in fp16.
    public func cacheBytes(tokens: Int) -> Int64 {
        let perToken = 2 * architecture.layers * architecture.kvHeads * architecture.headDim * 2
        return Int64(perToken) * Int64(tokens)
    }
}
