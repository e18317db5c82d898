import Testing

@testable import Tokenizer

@Suite struct ReadingTests {
    @Test func mergesAsStringsAndAsPairsAreTheSame() throws {
        let merges = ["t h", "th e", "Ġ the", "\" h"]
        let strings = try BytePairTokenizer(json: tokenizerFile(merges: merges))
        let pairs = try BytePairTokenizer(json: tokenizerFile(merges: merges, mergesAsPairs: true))
        for text in ["the cat", "then", "\"hello\""] { #expect(strings.encode(text) == pairs.encode(text)) }
        #expect(strings.encode("the the") == [257, 258])
    }

    @Test(arguments: [
        (#"{"type":"BertPreTokenizer"}"#, "pre-tokenizer BertPreTokenizer"),
        (#"{"type":"Metaspace","replacement":"__"}"#, #"Metaspace by "__", "#),
        (
            #"{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false}"#,
            #"Split by the expression \w+"#
        ),
        (
            #"{"type":"Split","pattern":{"String":","},"behavior":"Sideways","invert":false}"#,
            #"Split by String ",", Sideways"#
        ),
    ])
    func whatItDoesNotKnowIsNamed(_ preTokenizer: String, _ words: String) {
        #expect(throws: TokenizerError.unsupported(words)) {
            try BytePairTokenizer(json: tokenizerFile(preTokenizer: preTokenizer))
        }
    }

    @Test func aMergeOfUnknownPartsIsRefused() {
        let words = "tokenizer.json: merge \"ab c\" has a part that is not in the vocabulary"
        #expect(throws: TokenizerError.malformed(words)) { try BytePairTokenizer(json: tokenizerFile(merges: ["ab c"])) }
    }

    /// Cut anywhere, the file is refused and nothing traps.
    @Test func truncatedFilesAreRefused() {
        let whole = tokenizerFile(merges: ["t h", "th e"], added: #"{"id":260,"content":"<s>","special":true}"#)
        for length in stride(from: 0, to: whole.count - 1, by: 7) {
            #expect(throws: TokenizerError.self) { try BytePairTokenizer(json: Array(whole[..<length])) }
        }
    }

    /// Damaged anywhere, it is read or refused, and nothing traps.
    @Test func damagedFilesNeverTrap() {
        let whole = tokenizerFile(merges: ["t h", "th e"], added: #"{"id":260,"content":"<s>","special":true}"#)
        var numbers = Numbers(1)
        for _ in 0..<1500 {
            var bytes = whole
            for _ in 0..<3 { bytes[numbers.next(bytes.count)] = UInt8(numbers.next(256)) }
            _ = try? BytePairTokenizer(json: bytes).encode("the <s> then")
        }
    }

    @Test func wordsThatAreWholeTokensNeedNoMerges() throws {
        let without = try BytePairTokenizer(json: tokenizerFile(vocabulary: ["hello"]))
        let with = try BytePairTokenizer(json: tokenizerFile(extra: #""ignore_merges":true,"#, vocabulary: ["hello"]))
        #expect(without.encode("hello").count == 5)
        #expect(with.encode("hello") == [256])
    }

    @Test func stringsComeOutAsBytes() throws {
        var reader = JSONReader(Array(#""a\n\u00e9\ud83d\ude42\ud800x\/""#.utf8))
        #expect(try reader.readString() == Array("a\né🙂\u{FFFD}x/".utf8))
    }

    @Test(arguments: ["\"a", "\"\\x\"", "\"\\u12\"", "\"\u{1}\"", "[1,]", "{\"a\" 1}", "[", "nul", "", "+x"])
    func refusesBrokenJSON(_ text: String) {
        #expect(throws: JSONReader.Failure.self) {
            var reader = JSONReader(Array(text.utf8))
            try reader.skip()
            if reader.peek() != 0 { throw reader.failure("more follows") }
        }
    }

    @Test func nestingIsBounded() {
        #expect(throws: JSONReader.Failure.self) {
            var reader = JSONReader([UInt8](repeating: UInt8(ascii: "["), count: 100_000))
            try reader.skip()
        }
    }
}
