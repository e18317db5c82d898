#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A converted model on disk whose manifest has been read and whose files are what the manifest says.
///
/// Holds a path and a value, no open file: whoever loads the program maps its weights.
public struct ModelPackage: Sendable, Hashable {
    /// The folder with manifest.json.
    public let folder: URL
    public let manifest: ModelManifest
    /// How much of the folder was checked when it was opened.
    public let verification: Verification

    /// How much of a model is read before it is trusted.
    public enum Verification: Sendable, Hashable {
        /// Every byte is hashed: what a model that has just arrived needs.
        case contents
        /// Names and sizes only: what a model that was hashed before needs.
        case sizes
    }

    /// SHA-256 of the manifest's file list, in hexadecimal.
    public var hash: String { manifest.hash }
    /// The model.mlpackage folder.
    public var program: URL { folder.appendingPathComponent("model.mlpackage") }
    /// The tokenizer.json file.
    public var tokenizer: URL { folder.appendingPathComponent(manifest.tokenizer.file) }

    /// Reads the manifest in `folder` and checks files and compatibility.
    ///
    /// - Parameters:
    ///   - runtime: this runtime's version; a model whose range excludes it is refused.
    ///   - expecting: the content hash that a plan asks for; nil takes any model.
    /// - Throws: `ModelError`.
    public static func open(
        _ folder: URL, runtime: SemanticVersion, expecting: String? = nil, verification: Verification = .contents
    ) throws -> ModelPackage {
        let manifest = try readManifest(in: folder)
        guard manifest.runtime.contains(runtime) else {
            throw ModelError.incompatible(
                model: "\(manifest.name) \(manifest.version)", needs: manifest.runtime, runtime: runtime)
        }
        if let expecting, expecting != manifest.hash {
            throw ModelError.wrongModel(expected: expecting, found: manifest.hash)
        }
        try manifest.checkFileList()
        for file in manifest.files { try check(file, in: folder, verification) }
        return ModelPackage(folder: folder, manifest: manifest, verification: verification)
    }

    /// The same model with other lengths: what tests of long texts need without a large network.
    package func withLengths(context: Int, chunk: Int, positions: Int?) -> ModelPackage {
        var manifest = manifest
        (manifest.context, manifest.prefillChunk, manifest.positions) = (context, chunk, positions)
        return ModelPackage(folder: folder, manifest: manifest, verification: verification)
    }

    private static func readManifest(in folder: URL) throws -> ModelManifest {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("manifest.json")) else {
            throw ModelError.missing(folder.path)
        }
        // The format is read first and alone: a newer format may have other fields.
        struct Format: Decodable { var format: Int }
        do {
            let format = try JSONDecoder().decode(Format.self, from: data).format
            guard format == 1 else { throw ModelError.unknownFormat(format) }
            return try JSONDecoder().decode(ModelManifest.self, from: data)
        } catch let error as DecodingError {
            throw ModelError.malformedManifest(error.briefly)
        }
    }

    private static func check(_ file: ModelManifest.File, in folder: URL, _ verification: Verification) throws {
        let path = folder.appendingPathComponent(file.path).path
        guard let size = fileSize(path) else { throw ModelError.torn(file: file.path, reason: "is missing") }
        guard size == file.size else {
            throw ModelError.torn(file: file.path, reason: "has \(size) bytes, the manifest says \(file.size)")
        }
        guard verification == .contents else { return }
        guard let digest = SHA256Digest.ofFile(path) else {
            throw ModelError.torn(file: file.path, reason: "cannot be read")
        }
        guard digest == file.sha256 else {
            throw ModelError.torn(file: file.path, reason: "has SHA-256 \(digest), the manifest says \(file.sha256)")
        }
    }

    private static func fileSize(_ path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Int64(status.st_size)
    }
}

extension ModelManifest {
    /// The hash that `files` yields.
    public var listHash: String {
        var hasher = SHA256Digest()
        for file in files.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            hasher.update(Array("\(file.path)\t\(file.size)\t\(file.sha256)\n".utf8))
        }
        return hasher.finish()
    }

    /// Refuses lists that contradict themselves or reach outside the folder.
    func checkFileList() throws {
        guard listHash == hash else { throw ModelError.malformedManifest("hash does not agree with the file list") }
        let total = files.reduce(Int64(0)) { $0 &+ $1.size }
        guard total == sizeBytes else {
            throw ModelError.malformedManifest("size_bytes is \(sizeBytes), the files have \(total)")
        }
        for file in files where file.path.hasPrefix("/") || file.path.split(separator: "/").contains("..") {
            throw ModelError.malformedManifest("file \(file.path) lies outside the model's folder")
        }
        guard context > 0, prefillChunk > 0, prefillChunk <= context else {
            throw ModelError.malformedManifest("prefill_chunk \(prefillChunk) does not fit context \(context)")
        }
        guard architecture.vocab > 0, architecture.layers > 0 else {
            throw ModelError.malformedManifest("architecture has no layers or no vocabulary")
        }
        if let outputs, outputs.kind == .topK, !(1...architecture.vocab).contains(outputs.k ?? 0) {
            throw ModelError.malformedManifest(
                "outputs of the \(outputs.k ?? 0) most likely of \(architecture.vocab) tokens")
        }
        if let localWindow, localWindow < 1 {
            throw ModelError.malformedManifest("local_window is \(localWindow)")
        }
    }
}

extension DecodingError {
    /// Which field is wrong, and how, in one line.
    var briefly: String {
        let (context, what): (Context, String) =
            switch self {
            case .keyNotFound(let key, let context): (context, "\"\(key.stringValue)\" is missing")
            case .valueNotFound(_, let context): (context, "has no value")
            case .typeMismatch(let type, let context): (context, "is not of type \(type)")
            case .dataCorrupted(let context): (context, context.debugDescription)
            @unknown default: (Context(codingPath: [], debugDescription: ""), "cannot be read")
            }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? what : "\(path): \(what)"
    }
}
