import Foundation
import Testing

@testable import Tokenizer

/// What Hugging Face's tokenizers say of odd texts, in files made by runtime/convert. BENCH_TOKENIZER_FIXTURES names a
/// folder with more of them.
@Suite struct GoldenTests {
    struct Golden: Decodable {
        struct Encoding: Decodable {
            var text: String
            var idsPlain: [Int32]
            enum CodingKeys: String, CodingKey {
                case text
                case idsPlain = "ids_plain"
            }
        }
        struct Decoding: Decodable {
            var ids: [Int32]
            var text: String
        }
        var tokenizer: String
        var encode: [Encoding]
        var decode: [Decoding]
    }

    static let files: [URL] = {
        let own = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tokenizer")
        let more =
            ProcessInfo.processInfo.environment["BENCH_TOKENIZER_FIXTURES"].map { [URL(fileURLWithPath: $0)] } ?? []
        return ([own] + more).flatMap { folder in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.filter { $0.hasSuffix(".json") && !$0.hasSuffix("tokenizer.json") }.sorted()
                .map { folder.appendingPathComponent($0) }
        }
    }()

    private func read(_ file: URL) throws -> (Golden, BytePairTokenizer) {
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
        let tokenizer = file.deletingLastPathComponent().appendingPathComponent(golden.tokenizer).standardized
        return (golden, try BytePairTokenizer(contentsOf: tokenizer))
    }

    @Test func fixturesAreThere() { #expect(Self.files.count >= 8) }

    @Test(arguments: files) func encodes(_ file: URL) throws {
        let (golden, tokenizer) = try read(file)
        for item in golden.encode {
            #expect(tokenizer.encode(item.text) == item.idsPlain, "\(item.text.debugDescription)")
        }
    }

    @Test(arguments: files) func decodes(_ file: URL) throws {
        let (golden, tokenizer) = try read(file)
        for item in golden.decode {
            #expect(Array(tokenizer.decode(item.ids).unicodeScalars) == Array(item.text.unicodeScalars), "\(item.ids)")
        }
    }

    /// Streaming and decoding at once agree, and no piece ever holds half a character.
    @Test(arguments: files) func streams(_ file: URL) throws {
        let (golden, tokenizer) = try read(file)
        for item in golden.encode {
            var detokenizer = Detokenizer(tokenizer, atStart: true)
            let pieces = item.idsPlain.map { detokenizer.append($0) }
            let whole = tokenizer.decode(item.idsPlain)
            #expect(pieces.joined() + detokenizer.finish() == whole)
            if !whole.unicodeScalars.contains("\u{FFFD}") {
                #expect(!pieces.contains { $0.unicodeScalars.contains("\u{FFFD}") }, "\(item.text.debugDescription)")
            }
        }
    }
}
