import Testing

@testable import bench_agent

@Suite struct OptionsTests {
    private func read(_ words: String...) throws -> Options {
        try Options(words, values: ["--model", "--tokens"], flags: ["--json"])
    }

    @Test func valuesAndFlags() throws {
        let options = try read("--model", "a b", "--json", "--tokens=7")
        #expect(options["--model"] == "a b")
        #expect(options.has("--json"))
        #expect(try options.number("--tokens", least: 1) == 7)
        #expect(try read("--model=a=b")["--model"] == "a=b")
    }

    @Test(arguments: [
        ["--modle", "x"], ["--model"], ["--model", "a", "--model", "b"], ["x"], ["--json=1"],
    ])
    func mistakes(_ words: [String]) {
        #expect(throws: Options.Mistake.self) {
            try Options(words, values: ["--model", "--tokens"], flags: ["--json"])
        }
    }

    @Test(arguments: ["0", "-1", "x", "1.5", ""])
    func numbersOutOfRange(_ text: String) throws {
        let options = try read("--tokens=\(text)")
        #expect(throws: Options.Mistake.self) { try options.number("--tokens", least: 1) as Int? }
    }

    @Test func whatIsMissingIsNamed() throws {
        #expect { try read().required("--model") } throws: { ($0 as? Options.Mistake)?.reason == "--model is missing" }
    }

    @Test func tokenIDsArePartedByCommas() throws {
        #expect(try Agent.tokenIDs("3,1,2") == [3, 1, 2])
        for text in ["", "1,", "1;2", "x", "1.5", "99999999999"] {
            #expect(throws: Options.Mistake.self, "\(text)") { try Agent.tokenIDs(text) }
        }
    }

    @Test func textsOfACorpusArePartedByBlankLines() {
        #expect(Agent.texts(of: "a\nb\n\n\nc\n") == ["a\nb", "c"])
        #expect(Agent.texts(of: "\n\n") == [])
        #expect(Agent.texts(of: "a\n\nb\n<|endoftext|>\nc\n<|endoftext|>\n") == ["a\n\nb", "c"])
    }
}

#if os(Linux)
@Suite struct TestFaultTests {
    @Test(arguments: [
        ("crash@token:5", TestFault.crash(5)), ("jetsam@token:1", .jetsam(1)), ("hang@token:9", .hang(9)),
        ("oom", .outOfMemory(1)), ("oom@token:3", .outOfMemory(3)), ("slow@token:2", .slow(2)),
        ("garble@line:8", .garble(8)), ("gap@line:2", .gap(2)), ("full@line:4", .full(4)), ("exit@load", .exitInLoad),
        ("payload@load", .payload),
    ])
    func reads(_ text: String, _ want: TestFault) { #expect(TestFault(text) == want) }

    @Test(arguments: [
        "", "crash", "crash@token", "crash@token:0", "crash@line:3", "exit@load:3", "melt@token:1", "crash@token:x",
    ])
    func refuses(_ text: String) { #expect(TestFault(text) == nil) }
}
#endif
