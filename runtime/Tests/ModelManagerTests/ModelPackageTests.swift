import Foundation
import Testing

@testable import ModelManager

@Suite struct SHA256Tests {
    /// FIPS 180-4 examples, and lengths around the block's end.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func vectors(_ text: String, _ want: String) {
        var digest = SHA256Digest()
        digest.update(Array(text.utf8))
        #expect(digest.finish() == want)
    }

    @Test func piecesDoNotMatter() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        var whole = SHA256Digest()
        whole.update(bytes)
        let want = whole.finish()
        for size in [1, 3, 55, 56, 57, 63, 64, 65, 127, 128, 999] {
            var digest = SHA256Digest()
            for start in stride(from: 0, to: bytes.count, by: size) {
                digest.update(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(digest.finish() == want, "pieces of \(size)")
        }
    }
}

/// A copy of the tiny model that tests may damage.
private struct Copy {
    let folder: URL

    init(of model: String = "tiny") throws {
        let tiny = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/model/\(model)")
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("model-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: tiny, to: folder)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func open(
        _ version: SemanticVersion = SemanticVersion(1, 0, 0), expecting: String? = nil,
        _ verification: ModelPackage.Verification = .contents
    ) throws -> ModelPackage {
        try ModelPackage.open(folder, runtime: version, expecting: expecting, verification: verification)
    }

    /// Edits the manifest as text.
    func edit(_ old: String, _ new: String) throws {
        let url = folder.appendingPathComponent("manifest.json")
        let text = try String(contentsOf: url, encoding: .utf8)
        try #require(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(to: url, atomically: true, encoding: .utf8)
    }
}

@Suite struct ModelPackageTests {
    @Test func aSoundModelOpens() throws {
        let copy = try Copy()
        defer { copy.remove() }
        let package = try copy.open()
        #expect(package.manifest.name == "tiny")
        #expect(package.manifest.architecture.vocab == 288)
        #expect(package.hash == package.manifest.listHash)
        #expect(FileManager.default.fileExists(atPath: package.tokenizer.path))
    }

    @Test func aFlippedBitIsFound() throws {
        let copy = try Copy()
        defer { copy.remove() }
        let path = "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
        let url = copy.folder.appendingPathComponent(path)
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: url)
        #expect { try copy.open() } throws: { error in
            guard case .torn(let file, let reason) = error as? ModelError else { return false }
            return file == path && reason.contains("SHA-256")
        }
        // Sizes alone do not tell.
        #expect(throws: Never.self) { try copy.open(SemanticVersion(1, 0, 0), .sizes) }
    }

    @Test(arguments: [ModelPackage.Verification.contents, .sizes])
    func aTruncatedOrMissingFileIsFound(_ verification: ModelPackage.Verification) throws {
        let copy = try Copy()
        defer { copy.remove() }
        let url = copy.folder.appendingPathComponent("tokenizer.json")
        let size = try Data(contentsOf: url).count
        try Data(contentsOf: url).dropLast().write(to: url)
        let reason = "has \(size - 1) bytes, the manifest says \(size)"
        #expect(throws: ModelError.torn(file: "tokenizer.json", reason: reason)) {
            try copy.open(SemanticVersion(1, 0, 0), verification)
        }
        try FileManager.default.removeItem(at: url)
        #expect(throws: ModelError.torn(file: "tokenizer.json", reason: "is missing")) {
            try copy.open(SemanticVersion(1, 0, 0), verification)
        }
    }

    @Test func anotherRuntimeIsRefusedWithBothVersions() throws {
        let copy = try Copy()
        defer { copy.remove() }
        #expect { try copy.open(SemanticVersion(2, 0, 0)) } throws: { error in
            let words = String(describing: error)
            return words.contains("tiny 1.0.0") && words.contains(">= 1.0.0 and < 2.0.0")
                && words.contains("this is 2.0.0")
        }
        try copy.edit("\"minimum\": \"1.0.0\"", "\"minimum\": \"1.5.0\"")
        #expect { try copy.open() } throws: { String(describing: $0).contains("update the runtime") }
    }

    /// What came after the first version of the contract: read, and refused by a runtime that does not know it.
    @Test func laterFieldsAreRead() throws {
        let copy = try Copy(of: "tiny-ranked")
        defer { copy.remove() }
        let manifest = try copy.open(SemanticVersion(1, 1, 0)).manifest
        #expect(manifest.topK == 8)
        #expect(manifest.localWindow == 6)
        #expect(manifest.positions == 96)
        #expect(manifest.functions.logits == "logits")
        #expect(manifest.functions.score == "score")
        #expect(manifest.cacheBytes(tokens: manifest.context) == 2 * 2 * 20 * 2 * 32 * 2)
        #expect { try copy.open() } throws: { String(describing: $0).contains("update the runtime") }
        try copy.edit("\"k\": 8", "\"k\": 289")
        #expect { try copy.open(SemanticVersion(1, 1, 0)) } throws: {
            String(describing: $0).contains("289 most likely of 288 tokens")
        }
    }

    @Test func theFirstVersionsModelsGiveLogits() throws {
        let copy = try Copy()
        defer { copy.remove() }
        let manifest = try copy.open().manifest
        #expect(manifest.topK == nil)
        #expect(manifest.localWindow == nil)
    }

    @Test func theWrongModelIsRefused() throws {
        let copy = try Copy()
        defer { copy.remove() }
        let hash = try copy.open().hash
        #expect(throws: ModelError.wrongModel(expected: "aa11", found: hash)) {
            try copy.open(SemanticVersion(1, 0, 0), expecting: "aa11")
        }
    }

    @Test func noFolderNoModel() {
        #expect(throws: ModelError.missing("/nonexistent")) {
            try ModelPackage.open(URL(fileURLWithPath: "/nonexistent"), runtime: SemanticVersion(1, 0, 0))
        }
    }

    @Test(arguments: [
        ("\"format\": 1", "\"format\": 2", "format 2"),
        ("\"vocab\": 288", "\"vocab\": \"many\"", "architecture.vocab"),
        ("\"name\": \"tiny\",", "", "\"name\" is missing"),
        ("\"version\": \"1.0.0\"", "\"version\": \"one\"", "not a semantic version"),
        ("\"path\": \"tokenizer.json\"", "\"path\": \"../tokenizer.json\"", "hash does not agree"),
        ("\"prefill_chunk\": 8", "\"prefill_chunk\": 800", "prefill_chunk 800"),
        ("\"size_bytes\": 3", "\"size_bytes\": 4", "size_bytes"),
    ])
    func whatIsWrongWithTheManifestIsNamed(_ old: String, _ new: String, _ words: String) throws {
        let copy = try Copy()
        defer { copy.remove() }
        try copy.edit(old, new)
        #expect { try copy.open() } throws: { String(describing: $0).contains(words) }
    }
}
