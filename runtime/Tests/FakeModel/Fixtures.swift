#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import ModelManager

/// Where the fixtures lie that Go, Swift and Python share.
public enum Fixtures {
    /// runtime/Tests/Fixtures.
    public static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    /// The tiny model: a real package, small enough for every test.
    public static var tinyModel: URL { folder.appendingPathComponent("model/tiny") }

    /// The tiny model, opened; its network is not loaded.
    public static func tinyPackage() throws -> ModelPackage {
        try ModelPackage.open(tinyModel, runtime: SemanticVersion(1, 0, 0))
    }

    /// The tiny model's manifest with other lengths: for context tests with a fake network.
    public static func package(context: Int, chunk: Int, positions: Int? = nil) throws -> ModelPackage {
        try tinyPackage().withLengths(context: context, chunk: chunk, positions: positions)
    }
}
