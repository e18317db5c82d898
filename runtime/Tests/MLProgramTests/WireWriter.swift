import Foundation

/// Writes protobuf wire format: enough to make packages, sound and broken, within a test.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func number(_ field: UInt64, _ value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    mutating func data(_ field: UInt64, _ content: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(content.count))
        bytes += content
    }

    mutating func text(_ field: UInt64, _ content: String) { data(field, Array(content.utf8)) }

    mutating func message(_ field: UInt64, _ build: (inout WireWriter) -> Void) {
        var inner = WireWriter()
        build(&inner)
        data(field, inner.bytes)
    }

    /// A map entry.
    mutating func entry(_ field: UInt64, _ key: String, _ build: (inout WireWriter) -> Void) {
        message(field) { entry in
            entry.text(1, key)
            entry.message(2, build)
        }
    }
}

/// A model message of one function with a few operations, and ways to break it.
struct SmallModel {
    var specificationVersion: UInt64 = 9
    var dataType: UInt64 = 10
    var operationType = "mul"
    var blobOffset: UInt64 = 64
    var weightShape: [UInt64] = [2, 3]
    var unknownFields = false

    func tensorType(_ writer: inout WireWriter, _ type: UInt64, _ shape: [UInt64]) {
        writer.message(1) { tensor in
            tensor.number(1, type)
            tensor.number(2, UInt64(shape.count))
            for size in shape { tensor.message(3) { $0.message(1) { $0.number(1, size) } } }
        }
    }

    func named(_ writer: inout WireWriter, _ field: UInt64, _ name: String, _ type: UInt64, _ shape: [UInt64]) {
        writer.message(field) { value in
            value.text(1, name)
            value.message(2) { tensorType(&$0, type, shape) }
        }
    }

    var bytes: [UInt8] {
        var model = WireWriter()
        model.number(1, specificationVersion)
        model.message(2) { description in
            description.text(21, "main")
            description.message(20) { function in
                function.text(1, "main")
                function.message(2) { $0.text(1, "x") }
            }
        }
        if unknownFields {
            model.number(77, 5)
            model.data(78, [1, 2, 3])
            model.varint(79 << 3 | 5)
            for _ in 0..<4 { model.varint(0) }
        }
        model.message(502) { program in
            program.number(1, 1)
            program.entry(2, "main") { function in
                named(&function, 1, "x", dataType, weightShape)
                function.text(2, "CoreML8")
                function.entry(3, "CoreML8") { block in
                    block.text(2, "y")
                    block.message(3) { weight(&$0) }
                    block.message(3) { product(&$0) }
                }
            }
        }
        return model.bytes
    }

    private func weight(_ operation: inout WireWriter) {
        operation.text(1, "const")
        named(&operation, 3, "w", dataType, weightShape)
        operation.entry(5, "name") { name in
            name.message(2) { tensorType(&$0, 2, []) }
            name.message(3) { $0.message(1) { $0.message(4) { $0.text(1, "w") } } }
        }
        operation.entry(5, "val") { value in
            value.message(2) { tensorType(&$0, dataType, weightShape) }
            value.message(5) { blob in
                blob.text(1, "@model_path/weights/weight.bin")
                blob.number(2, blobOffset)
            }
        }
    }

    private func product(_ operation: inout WireWriter) {
        operation.text(1, operationType)
        for (parameter, name) in [("x", "x"), ("y", "w")] {
            operation.entry(2, parameter) { $0.message(1) { $0.text(1, name) } }
        }
        named(&operation, 3, "y", dataType, weightShape)
    }
}

/// A weight file with one blob.
struct SmallBlob {
    var version: UInt32 = 2
    var sentinel: UInt32 = 0xDEAD_BEEF
    var code: UInt32 = 1
    var size: UInt64?
    var dataOffset: UInt64 = 128
    var content = [UInt8](repeating: 0x3c, count: 12)

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func put<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        put(UInt32(1))
        put(version)
        bytes += [UInt8](repeating: 0, count: 56)
        put(sentinel)
        put(code)
        put(size ?? UInt64(content.count))
        put(dataOffset)
        bytes += [UInt8](repeating: 0, count: 40)
        return bytes + content
    }
}

/// Package folders on disk that vanish with the object.
final class Scratch {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mlprogram-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static let manifest = """
        {"fileFormatVersion": "1.0.0", "rootModelIdentifier": "A", "itemInfoEntries": {
        "A": {"author": "t", "description": "d", "name": "model.mlmodel", "path": "t/model.mlmodel"},
        "B": {"author": "t", "description": "d", "name": "weights", "path": "t/weights"}}}
        """

    /// Writes a package and returns its path.
    func package(
        model: [UInt8] = SmallModel().bytes, weights: [UInt8]? = SmallBlob().bytes, manifest: String = Scratch.manifest
    ) throws -> String {
        let root = folder.appendingPathComponent("\(UUID().uuidString).mlpackage")
        let data = root.appendingPathComponent("Data/t/weights")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        try Data(manifest.utf8).write(to: root.appendingPathComponent("Manifest.json"))
        try Data(model).write(to: root.appendingPathComponent("Data/t/model.mlmodel"))
        if let weights { try Data(weights).write(to: data.appendingPathComponent("weight.bin")) }
        return root.path
    }
}
