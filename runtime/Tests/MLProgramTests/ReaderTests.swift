import Foundation
import Testing

@testable import MLProgram

/// Sound packages are read as they are; broken ones end in an error that says what is wrong, never in a trap.
@Suite struct ReaderTests {
    private func read(_ bytes: [UInt8]) throws -> ModelMessage {
        try bytes.withUnsafeBytes { try ModelMessage(from: WireReader($0)) }
    }

    private func failure(_ body: () throws -> Void) -> ProgramError? {
        do {
            try body()
            return nil
        } catch {
            return error as? ProgramError
        }
    }

    @Test func soundPackageIsRead() throws {
        let scratch = try Scratch()
        let package = try ProgramPackage(path: scratch.package())
        #expect(package.specificationVersion == 9)
        #expect(package.description.defaultFunction == "main")
        let function = try #require(package.program.functions["main"])
        #expect(function.opset == "CoreML8")
        #expect(function.inputs == [.init(name: "x", type: .tensor(.init(dataType: .float16, dimensions: [2, 3])))])
        let body = try #require(function.body)
        #expect(body.outputs == ["y"])
        #expect(body.operations.map(\.label) == ["const w", "mul y"])
        #expect(body.operations[1].inputs == ["x": [.name("x")], "y": [.name("w")]])
        let value = try #require(body.operations[0].attributes["val"])
        #expect(value.content == .blob(file: "@model_path/weights/weight.bin", offset: 64))
        let data = try #require(package.weights).data(at: 64, type: .float16, elements: 6)
        #expect(data.count == 12)
        #expect(data.allSatisfy { $0 == 0x3c })
    }

    @Test func shippedFixtureIsRead() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let package = try ProgramPackage(path: tests.appendingPathComponent("Fixtures/model/tiny/model.mlpackage").path)
        #expect(package.program.functions.keys.sorted() == ["decode", "prefill"])
        #expect(package.description.functions.map(\.name).sorted() == ["decode", "prefill"])
        let decode = try #require(package.program.functions["decode"])
        #expect(decode.inputs.contains { if case .state = $0.type { $0.name == "kv_cache" } else { false } })
        let states = try #require(package.description.function("decode")).states
        #expect(states.map(\.name) == ["kv_cache"])
    }

    @Test func unknownFieldsAreSkipped() throws {
        var model = SmallModel()
        let plain = try read(model.bytes)
        model.unknownFields = true
        #expect(try read(model.bytes).program == plain.program)
    }

    @Test func everyTruncationIsAnErrorOrASmallerModel() throws {
        let bytes = SmallModel().bytes
        let whole = try read(bytes).program
        for length in 0..<bytes.count {
            // Cut between two fields, the rest is a sound message without a program; elsewhere it is torn.
            if let message = try? read(Array(bytes[..<length])) { #expect(message.program == nil, "cut at \(length)") }
        }
        #expect(whole != nil)
    }

    @Test func flippedBytesNeverTrap() throws {
        let bytes = SmallModel().bytes
        var errors = 0
        for index in bytes.indices {
            for pattern in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] as [UInt8] {
                var damaged = bytes
                damaged[index] ^= pattern
                if failure({ _ = try read(damaged) }) != nil { errors += 1 }
            }
        }
        #expect(errors > bytes.count, "most damage to lengths and keys is noticed")
    }

    @Test func randomBytesNeverTrap() {
        var generator = SplitMix(state: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator)
            }
            _ = failure { _ = try read(bytes) }
        }
    }

    @Test func deepNestingIsRefused() throws {
        // A value type of lists of lists of …
        var inner: [UInt8] = []
        for _ in 0..<10_000 {
            var writer = WireWriter()
            writer.data(1, inner)
            var outer = WireWriter()
            outer.data(2, writer.bytes)
            inner = outer.bytes
        }
        let error = inner.withUnsafeBytes { bytes in failure { _ = try ValueType(from: WireReader(bytes)) } }
        #expect(error?.reason.contains("nested deeper") == true)
    }

    @Test func unpackedNumbersAreRead() throws {
        var writer = WireWriter()
        writer.message(2) { SmallModel().tensorType(&$0, 23, [3]) }
        writer.message(3) { immediate in
            immediate.message(1) { tensor in
                tensor.message(2) { ints in for value in [5, 6, UInt64(bitPattern: -1)] { ints.number(1, value) } }
            }
        }
        let value = try writer.bytes.withUnsafeBytes { try Value(from: WireReader($0)) }
        #expect(value.content == .ints([5, 6, -1]))
    }

    struct Broken: CustomTestStringConvertible {
        var testDescription: String
        var kind: ProgramError.Kind
        var says: String
        var model = SmallModel()
        var weights: [UInt8]? = SmallBlob().bytes
        var manifest = Scratch.manifest
    }

    static let broken: [Broken] = [
        Broken(
            testDescription: "old specification", kind: .unsupported, says: "specification version 5",
            model: SmallModel(specificationVersion: 5)),
        Broken(
            testDescription: "newer specification", kind: .unsupported, says: "specification version 11",
            model: SmallModel(specificationVersion: 11)),
        Broken(
            testDescription: "unknown data type", kind: .unsupported, says: "unknown data type 99",
            model: SmallModel(dataType: 99)),
        Broken(testDescription: "no weights", kind: .unreadable, says: "missing", weights: nil),
        Broken(testDescription: "empty weights", kind: .badBlob, says: "shorter than the header", weights: []),
        Broken(
            testDescription: "weights of version 1", kind: .badBlob, says: "storage version 1",
            weights: SmallBlob(version: 1).bytes),
        Broken(testDescription: "not JSON", kind: .torn, says: "not a package manifest", manifest: "{"),
        Broken(
            testDescription: "no root", kind: .torn, says: "root model",
            manifest: Scratch.manifest.replacingOccurrences(
                of: "\"rootModelIdentifier\": \"A\"", with: "\"rootModelIdentifier\": \"C\"")),
        Broken(
            testDescription: "path outside", kind: .torn, says: "leaves the package",
            manifest: Scratch.manifest.replacingOccurrences(of: "t/model.mlmodel", with: "../model.mlmodel")),
        Broken(
            testDescription: "newer format", kind: .unsupported, says: "file format version 2.0.0",
            manifest: Scratch.manifest.replacingOccurrences(of: "1.0.0", with: "2.0.0")),
    ]

    @Test(arguments: broken) func brokenPackagesAreNamed(_ item: Broken) throws {
        let scratch = try Scratch()
        let path = try scratch.package(model: item.model.bytes, weights: item.weights, manifest: item.manifest)
        let error = try #require(failure { _ = try ProgramPackage(path: path) })
        #expect(error.kind == item.kind)
        #expect(error.description.contains(item.says), "\(error)")
    }

    @Test func missingFolderIsUnreadable() {
        #expect(failure { _ = try ProgramPackage(path: "/nowhere/at.all") }?.kind == .unreadable)
    }

    static let brokenBlobs: [(says: String, blob: SmallBlob, offset: UInt64, type: DataType, elements: Int)] = [
        ("no sentinel", SmallBlob(sentinel: 1), 64, .float16, 6),
        ("type code 4", SmallBlob(code: 4), 64, .float16, 6),
        ("do not hold 7 elements", SmallBlob(), 64, .float16, 7),
        ("lies outside", SmallBlob(size: 13), 64, .float16, 6),
        ("lies outside", SmallBlob(size: .max), 64, .float16, 6),
        ("lies outside", SmallBlob(dataOffset: 1 << 40), 64, .float16, 6),
        ("not aligned", SmallBlob(dataOffset: 129), 64, .float16, 6),
        ("multiple of 64", SmallBlob(), 65, .float16, 6),
        ("multiple of 64", SmallBlob(), 0, .float16, 6),
        ("metadata lies outside", SmallBlob(), 128, .float16, 6),
        ("metadata lies outside", SmallBlob(), 1 << 62, .float16, 6),
        ("cannot be stored", SmallBlob(), 64, .int64, 6),
        ("do not hold", SmallBlob(), 64, .float16, Int.max),
    ]

    @Test(arguments: brokenBlobs.indices) func brokenBlobsAreNamed(_ index: Int) throws {
        let item = Self.brokenBlobs[index]
        let scratch = try Scratch()
        let file = scratch.folder.appendingPathComponent("weight.bin")
        try Data(item.blob.bytes).write(to: file)
        let blob = try BlobFile(path: file.path, name: "weight.bin")
        let error = try #require(failure { _ = try blob.data(at: item.offset, type: item.type, elements: item.elements) })
        #expect(error.kind == .badBlob)
        #expect(error.description.contains(item.says), "\(error)")
    }

    @Test func subByteBlobsAreMeasuredInBits() throws {
        let scratch = try Scratch()
        let file = scratch.folder.appendingPathComponent("weight.bin")
        // Nine nibbles take five bytes.
        try Data(SmallBlob(code: 8, content: [UInt8](repeating: 0x87, count: 5)).bytes).write(to: file)
        let blob = try BlobFile(path: file.path, name: "weight.bin")
        #expect(try blob.data(at: 64, type: .int4, elements: 9).count == 5)
        #expect(throws: ProgramError.self) { try blob.data(at: 64, type: .int4, elements: 11) }
    }
}

/// A small seeded generator.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
