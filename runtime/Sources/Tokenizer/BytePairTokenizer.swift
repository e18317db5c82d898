#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Byte-pair encoding as tokenizer.json describes it: over bytes, as GPT-2 introduced it, or over characters with bytes to
/// fall back on, as SentencePiece has it (Kudo and Richardson 2018, arXiv 1808.06226).
///
/// In: text. Out: ids, the same as Hugging Face tokenizers gives for the file (without its post-processor: whether a
/// prompt begins with a begin-of-text token is the model manifest's word). Immutable, so it is shared freely.
public struct BytePairTokenizer: Tokenizer {
    public let count: Int
    public let leadingSpaces: Int
    private let names: NameTable
    private let vocabulary: TextList
    /// Where an id's name is in `vocabulary`; -1 for an id that only an added token has, or none.
    private let entryOfID: [Int32]
    private let added: [Int32: AddedToken]
    private let idOfAdded: [[UInt8]: Int32]
    private let decoder: TokenDecoder
    private let symbols: FirstSymbols
    private let merger: WordMerger
    private let ignoresMerges: Bool
    private let isByteLevel: Bool
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
        let highest = max(file.ids.max() ?? 0, file.addedTokens.map(\.id).max() ?? 0)
        count = Int(highest) + 1
        names = NameTable(file.vocabulary, ids: file.ids)
        vocabulary = file.vocabulary
        var entryOfID = [Int32](repeating: -1, count: count)
        for (entry, id) in file.ids.enumerated() { entryOfID[Int(id)] = Int32(entry) }
        self.entryOfID = entryOfID
        added = Dictionary(file.addedTokens.map { ($0.id, $0) }) { _, last in last }
        idOfAdded = Dictionary(file.addedTokens.map { ($0.content, $0.id) }) { _, last in last }
        decoder = file.decoder
        leadingSpaces = file.decoder.strippedSpaces
        symbols = FirstSymbols(file, names)
        isByteLevel = file.isByteLevel
        ignoresMerges = file.ignoresMerges
        normalizer = file.normalizer
        preTokenizers = file.preTokenizers
        plainTokens = AddedTokenFinder(file.addedTokens.filter { !$0.isNormalized })
        // They are looked for in normalised text, so they are normalised themselves.
        normalizedTokens = AddedTokenFinder(
            file.addedTokens.filter(\.isNormalized).map { token in
                var token = token
                token.content = Array(file.normalizer.apply(String(decoding: token.content, as: UTF8.self)).utf8)
                return token
            })
        merger = WordMerger(table: try Self.table(of: file.merges, names))
    }

    private static func table(of merges: TextList, _ names: NameTable) throws -> MergeTable {
        var resolved: [(left: Int32, right: Int32, merge: MergeTable.Merge)] = []
        resolved.reserveCapacity(merges.count / 2)
        for rank in 0..<merges.count / 2 {
            let (before, behind) = (merges[2 * rank], merges[2 * rank + 1])
            guard let left = names.find(before), let right = names.find(behind), let id = names.find(before, behind) else {
                let text = String(decoding: before + [0x20] + behind, as: UTF8.self)
                throw TokenizerError.malformed(
                    "tokenizer.json: merge \"\(text)\" has a part that is not in the vocabulary")
            }
            resolved.append((left, right, MergeTable.Merge(rank: Int32(rank), id: id)))
        }
        return MergeTable(resolved)
    }

    public func encode(_ text: String) -> [Int32] {
        var ids: [Int32] = []
        var isFirst = true
        for piece in plainTokens.split(text[...]) {
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let part):
                let normalized = normalizer.apply(String(part))
                for piece in normalizedTokens.split(normalized[...]) {
                    switch piece {
                    case .token(let id): ids.append(id)
                    case .text(let part):
                        cut(Array(part.unicodeScalars)[...], 0, isFirst: isFirst) { encodeWord($0, into: &ids) }
                    }
                    isFirst = false
                }
            }
            isFirst = false
        }
        return ids
    }

    /// Applies the pre-tokenizers from number `step` on.
    private func cut(
        _ text: ArraySlice<Unicode.Scalar>, _ step: Int, isFirst: Bool, _ emit: (ArraySlice<Unicode.Scalar>) -> Void
    ) {
        guard step < preTokenizers.count else { return emit(text) }
        var isFirst = isFirst
        preTokenizers[step].cut(text, isFirst: isFirst) {
            cut($0, step + 1, isFirst: isFirst, emit)
            isFirst = false
        }
    }

    private func encodeWord(_ word: ArraySlice<Unicode.Scalar>, into ids: inout [Int32]) {
        if ignoresMerges, let id = names.find(isByteLevel ? ByteAlphabet.entry(of: word.utf8Bytes) : word.utf8Bytes) {
            return ids.append(id)
        }
        var found = symbols.ids(of: word)
        merger.merge(&found)
        ids.append(contentsOf: found)
    }

    public func bytes(of id: Int32) -> [UInt8]? {
        guard id >= 0, id < count else { return nil }
        // The decoder reads added tokens, too.
        if let token = added[id] { return token.isSpecial ? [] : decoder.bytes(of: token.content) }
        let entry = entryOfID[Int(id)]
        return entry < 0 ? nil : decoder.bytes(of: Array(vocabulary[Int(entry)]))
    }

    public func id(of token: String) -> Int32? { idOfAdded[Array(token.utf8)] ?? names.find(token.utf8) }
}
