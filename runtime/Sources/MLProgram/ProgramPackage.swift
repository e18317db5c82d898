#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An `.mlpackage` on disk, read and checked: manifest, description, program and weight file.
///
/// Input: the folder. Output: a typed program and a mapped weight file. It never writes, never executes, and refuses what
/// it does not understand instead of guessing.
public struct ProgramPackage: Sendable {
    /// Specification versions with ML programs whose meaning this reader knows (iOS 15 to iOS 26).
    public static let specificationVersions: ClosedRange<Int64> = 6...10

    public let path: String
    public let specificationVersion: Int64
    public let description: ModelDescription
    public let program: Program
    /// nil where the package has no weights item.
    public let weights: BlobFile?

    private struct Manifest: Decodable {
        struct Item: Decodable { var path: String }
        var fileFormatVersion: String
        var rootModelIdentifier: String
        var itemInfoEntries: [String: Item]
    }

    /// Reads the package at `path`. Throws `ProgramError`: `unreadable`, `torn`, `unsupported` or `badBlob`.
    public init(path: String) throws {
        self.path = path
        let manifest = try ProgramPackage.manifest(path)
        guard let root = manifest.itemInfoEntries[manifest.rootModelIdentifier] else {
            throw ProgramError(.torn, file: "Manifest.json", "the root model is not among the items")
        }
        let rootPath = try ProgramPackage.inside(root.path)
        let message = try ProgramPackage.model(path + "/Data/" + rootPath, name: rootPath)
        guard ProgramPackage.specificationVersions.contains(message.specificationVersion) else {
            throw ProgramError(
                .unsupported, file: rootPath,
                "specification version \(message.specificationVersion); known are 6 to 10 with an ML program")
        }
        guard let program = message.program else {
            throw ProgramError(.unsupported, file: rootPath, "the model is not an ML program")
        }
        guard program.version == 1 else {
            throw ProgramError(.unsupported, file: rootPath, "program version \(program.version), only 1 is known")
        }
        specificationVersion = message.specificationVersion
        description = message.description
        self.program = program
        weights = try ProgramPackage.weights(path, manifest)
    }

    private static func manifest(_ path: String) throws -> Manifest {
        let name = "Manifest.json"
        guard let data = FileManager.default.contents(atPath: path + "/" + name) else {
            throw ProgramError(.unreadable, file: path + "/" + name, "cannot be read; is this an .mlpackage?")
        }
        let manifest: Manifest
        do {
            manifest = try JSONDecoder().decode(Manifest.self, from: data)
        } catch {
            throw ProgramError(.torn, file: name, "not a package manifest (\(data.count) bytes)")
        }
        guard manifest.fileFormatVersion.hasPrefix("1.") else {
            throw ProgramError(.unsupported, file: name, "file format version \(manifest.fileFormatVersion)")
        }
        return manifest
    }

    /// Reads the model message.
    private static func model(_ path: String, name: String) throws -> ModelMessage {
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch let error as ProgramError {
            throw ProgramError(.unreadable, file: name, error.reason)
        }
        do {
            return try withExtendedLifetime(file) { try ModelMessage(from: WireReader(file.bytes)) }
        } catch let error as ProgramError {
            throw error.inFile(name)
        }
    }

    private static func weights(_ path: String, _ manifest: Manifest) throws -> BlobFile? {
        let items = manifest.itemInfoEntries.values.map(\.path).sorted()
        guard let item = items.first(where: { $0.hasSuffix("/weights") || $0 == "weights" }) else { return nil }
        let name = try inside(item) + "/weight.bin"
        let full = path + "/Data/" + name
        guard FileManager.default.fileExists(atPath: full) else {
            throw ProgramError(.unreadable, file: name, "missing, though the manifest lists the weights")
        }
        return try BlobFile(path: full, name: name)
    }

    /// The path itself, when it stays inside the package.
    private static func inside(_ path: String) throws -> String {
        guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
            throw ProgramError(.torn, file: "Manifest.json", "the path \(path) leaves the package")
        }
        return path
    }
}
