import Testing

@testable import Tokenizer

@Suite struct CuttingTests {
    private func cut(_ pattern: SplitPattern, _ text: String) -> [String] {
        var pieces: [String] = []
        pattern.cut(Array(text.unicodeScalars)[...]) { piece in
            pieces.append(piece.reduce(into: "") { $0.unicodeScalars.append($1) })
        }
        return pieces
    }

    @Test(arguments: [
        ("Hello world's 42 cats", ["Hello", " world", "'s", " 42", " cats"]),
        ("a   b", ["a", "  ", " b"]), ("a \n\n b", ["a", " \n\n", " b"]), ("  ", ["  "]), ("x  ", ["x", "  "]),
        ("\n\nx", ["\n", "\n", "x"]), ("I'Ll", ["I", "'", "Ll"]), ("...?! a", ["...?!", " a"]),
        ("12a³", ["12", "a", "³"]),
    ])
    func gpt2(_ text: String, _ want: [String]) { #expect(cut(.gpt2, text) == want) }

    @Test(arguments: [
        ("I'LL 12345", ["I", "'LL", " ", "123", "45"]), ("a.b", ["a", ".b"]), ("x!\n\ny", ["x", "!\n\n", "y"]),
        ("a \n\n  b", ["a", " \n\n", " ", " b"]), ("\tfoo", ["\tfoo"]),
    ])
    func llama3(_ text: String, _ want: [String]) { #expect(cut(.llama3, text) == want) }

    @Test func qwenTakesDigitsOneByOne() { #expect(cut(.qwen2, "a123") == ["a", "1", "2", "3"]) }

    @Test(arguments: [SplitPattern.gpt2, .llama3, .qwen2])
    func nothingIsLost(_ pattern: SplitPattern) {
        var numbers = Numbers(5)
        let alphabet = Array("ab'sLl 1²\n\r\t.é漢\u{301}🙂\u{3000}".unicodeScalars)
        for _ in 0..<500 {
            let text = (0..<12).reduce(into: "") { text, _ in
                text.unicodeScalars.append(alphabet[numbers.next(alphabet.count)])
            }
            let pieces = cut(pattern, text)
            #expect(!pieces.contains(""))
            #expect(Array(pieces.joined().unicodeScalars) == Array(text.unicodeScalars))
        }
    }

    /// Scanning and the heap give the same, on words long and short and with many equal pairs.
    @Test func bothWaysOfMergingAgree() {
        var numbers = Numbers(11)
        for _ in 0..<300 {
            var merges: [(left: Int32, right: Int32, merge: MergeTable.Merge)] = []
            for rank in 0..<30 {
                let left = Int32(numbers.next(4 + rank))
                let right = Int32(numbers.next(4 + rank))
                merges.append((left, right, MergeTable.Merge(rank: Int32(rank), id: Int32(4 + rank))))
            }
            let merger = WordMerger(table: MergeTable(merges))
            let word = (0..<numbers.next(120)).map { _ in Int32(numbers.next(4)) }
            var scanned = word
            var heaped = word
            merger.mergeByScan(&scanned)
            merger.mergeByHeap(&heaped)
            #expect(scanned == heaped)
        }
    }
}

@Suite struct AddedTokenTests {
    private func tokenizer(_ added: String) throws -> BytePairTokenizer {
        try BytePairTokenizer(json: tokenizerFile(added: added))
    }

    @Test func longestOfTheLeftmost() throws {
        let tokenizer = try tokenizer(
            #"{"id":300,"content":"<a>"},{"id":301,"content":"<a><b>"},{"id":302,"content":"<b>"}"#)
        #expect(tokenizer.encode("<a><b><b><a>") == [301, 302, 300])
    }

    @Test func strippingTakesTheWhiteSpace() throws {
        let tokenizer = try tokenizer(#"{"id":300,"content":"<m>","lstrip":true,"rstrip":true}"#)
        #expect(tokenizer.encode("a \n<m>  b") == tokenizer.encode("a") + [300] + tokenizer.encode("b"))
    }

    @Test func singleWordsStandAlone() throws {
        let tokenizer = try tokenizer(#"{"id":300,"content":"cat","single_word":true}"#)
        #expect(tokenizer.encode("cat!").contains(300))
        #expect(!tokenizer.encode("cats").contains(300))
        #expect(!tokenizer.encode("_cat").contains(300))
    }

    @Test func specialTokensAreNotText() throws {
        let tokenizer = try tokenizer(#"{"id":300,"content":"<s>","special":true},{"id":301,"content":"<x>"}"#)
        #expect(tokenizer.decode(tokenizer.encode("a<s>b<x>")) == "ab<x>")
        #expect(tokenizer.id(of: "<s>") == 300)
    }

    /// Every prefix of every well-formed sequence is held, everything else is let go.
    @Test func onlyWhatCanBecomeACharacterIsHeld() {
        for text in ["é", "漢", "🙂", "\u{FFFF}", "\u{10FFFF}", "\u{800}"] {
            let bytes = Array(text.utf8)
            for length in 1..<bytes.count { #expect(Detokenizer.unfinishedTail(Array(bytes[..<length])) == length) }
            #expect(Detokenizer.unfinishedTail(bytes) == 0)
        }
        for bytes: [UInt8] in [
            [0x80], [0xC0], [0xC1], [0xF5], [0xFF], [0xE0, 0x80], [0xED, 0xA0], [0xF4, 0x90], [0x41],
        ] {
            #expect(Detokenizer.unfinishedTail(bytes) == 0, "\(bytes)")
        }
    }
}
