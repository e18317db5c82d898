#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Byte-level byte-pair encoding as GPT-2 introduced it and tokenizer.json describes it.
///
/// In: text. Out: ids, the same as Hugging Face tokenizers gives for the file (without its post-processor: whether a
/// prompt begins with a begin-of-text token is the model manifest's word). Immutable, so it is shared freely.
public struct ByteLevelBPE: Tokenizer {
    public let count: Int
    private let idOfWord: [[UInt8]: Int32]
    private let idOfName: [[UInt8]: Int32]
    private let bytesOfID: [[UInt8]?]
    private let idOfByte: [Int32?]
    private let unknownID: Int32?
    private let merger: WordMerger
    private let ignoresMerges: Bool
    private let normalizer: Normalizer
    private let preTokenizers: [PreTokenizer]
    private let plainTokens: AddedTokenFinder
    private let normalizedTokens: AddedTokenFinder

    /// Reads a tokenizer.json file.
    public init(contentsOf url: URL) throws {
        guard let data = try? Data(contentsOf: url) else { throw TokenizerError.unreadable(url.path) }
        try self.init(json: [UInt8](data))
    }

    /// Reads the bytes of a tokenizer.json.
    public init(json: [UInt8]) throws {
        let file = try TokenizerFile(json)
        guard file.preTokenizers.contains(where: { if case .byteLevel = $0 { true } else { false } }) else {
            throw TokenizerError.unsupported("a pre-tokenizer without ByteLevel")
        }
        let highest = max(file.vocabulary.map(\.id).max() ?? 0, file.addedTokens.map { Int($0.id) }.max() ?? 0)
        count = highest + 1
        var names = [[UInt8]: Int32](minimumCapacity: file.vocabulary.count)
        var bytesOfID = [[UInt8]?](repeating: nil, count: count)
        for (token, id) in file.vocabulary {
            names[token] = Int32(id)
            bytesOfID[id] = ByteAlphabet.bytes(of: token) ?? token
        }
        for token in file.addedTokens {
            names[token.content] = token.id
            // The byte-level decoder reads added tokens through its alphabet too, where it can.
            bytesOfID[Int(token.id)] = token.isSpecial ? [] : ByteAlphabet.bytes(of: token.content) ?? token.content
        }
        idOfName = names
        self.bytesOfID = bytesOfID
        idOfByte = ByteAlphabet.scalarOfByte.map { names[Array(String($0).utf8)] }
        unknownID = file.unknownToken.flatMap { names[$0] }
        ignoresMerges = file.ignoresMerges
        normalizer = file.normalizer
        preTokenizers = file.preTokenizers
        plainTokens = AddedTokenFinder(file.addedTokens.filter { !$0.isNormalized })
        normalizedTokens = AddedTokenFinder(file.addedTokens.filter(\.isNormalized))
        merger = WordMerger(table: try Self.table(of: file.merges, names))
        idOfWord = ignoresMerges ? Self.words(file.vocabulary) : [:]
    }

    private static func table(
        of merges: [(left: [UInt8], right: [UInt8])], _ names: [[UInt8]: Int32]
    ) throws -> MergeTable {
        var resolved: [(left: Int32, right: Int32, merge: MergeTable.Merge)] = []
        resolved.reserveCapacity(merges.count)
        for (rank, pair) in merges.enumerated() {
            guard let left = names[pair.left], let right = names[pair.right], let id = names[pair.left + pair.right]
            else {
                let text = String(decoding: pair.left + [0x20] + pair.right, as: UTF8.self)
                throw TokenizerError.malformed(
                    "tokenizer.json: merge \"\(text)\" has a part that is not in the vocabulary")
            }
            resolved.append((left, right, MergeTable.Merge(rank: Int32(rank), id: id)))
        }
        return MergeTable(resolved)
    }

    private static func words(_ vocabulary: [(token: [UInt8], id: Int)]) -> [[UInt8]: Int32] {
        var words = [[UInt8]: Int32](minimumCapacity: vocabulary.count)
        for (token, id) in vocabulary { if let bytes = ByteAlphabet.bytes(of: token) { words[bytes] = Int32(id) } }
        return words
    }

    public func encode(_ text: String) -> [Int32] {
        var ids: [Int32] = []
        for piece in plainTokens.split(text[...]) {
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let part):
                let normalized = normalizer.apply(String(part))
                for piece in normalizedTokens.split(normalized[...]) {
                    switch piece {
                    case .token(let id): ids.append(id)
                    case .text(let part): cut(Array(part.unicodeScalars)[...], 0) { encodeWord($0, into: &ids) }
                    }
                }
            }
        }
        return ids
    }

    /// Applies the pre-tokenizers from number `step` on.
    private func cut(_ text: ArraySlice<Unicode.Scalar>, _ step: Int, _ emit: (ArraySlice<Unicode.Scalar>) -> Void) {
        guard step < preTokenizers.count else { return emit(text) }
        preTokenizers[step].cut(text) { cut($0, step + 1, emit) }
    }

    private func encodeWord(_ word: ArraySlice<Unicode.Scalar>, into ids: inout [Int32]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(word.count)
        for scalar in word { bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter) }
        if ignoresMerges, let id = idOfWord[bytes] { return ids.append(id) }
        // A byte that the vocabulary lacks becomes the unknown token, or nothing where there is none.
        var symbols = bytes.compactMap { idOfByte[Int($0)] ?? unknownID }
        merger.merge(&symbols)
        ids.append(contentsOf: symbols)
    }

    public func bytes(of id: Int32) -> [UInt8]? {
        id >= 0 && id < count ? bytesOfID[Int(id)] : nil
    }

    public func id(of token: String) -> Int32? { idOfName[Array(token.utf8)] }
}
