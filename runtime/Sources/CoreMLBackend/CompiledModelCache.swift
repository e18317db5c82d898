#if canImport(CoreML)
import CoreML
import Foundation
import ModelManager

/// Compiled models by the content hash of their package.
struct CompiledModelCache: Sendable {
    let folder: URL

    /// The compiled form of a package, and whether it had to be compiled now.
    func compiledModel(for package: ModelPackage) async throws -> (URL, isNew: Bool) {
        let kept = folder.appending(path: package.hash + ".mlmodelc")
        let files = FileManager.default
        if files.fileExists(atPath: kept.path) { return (kept, false) }
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        let compiled = try await MLModel.compileModel(at: package.program)
        do {
            // Within one volume a move is atomic, so a model in the cache is always whole.
            try files.moveItem(at: compiled, to: kept)
        } catch {
            // Another process was faster: its model is as good as ours.
            guard files.fileExists(atPath: kept.path) else { throw error }
            try? files.removeItem(at: compiled)
        }
        return (kept, true)
    }
}
#endif
