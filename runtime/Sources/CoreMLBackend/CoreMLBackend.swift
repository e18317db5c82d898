#if canImport(CoreML)
import CoreML
import Foundation
import LanguageRuntime
import ModelManager

/// Runs model packages with Core ML (iOS 18, macOS 15): the product's backend.
///
/// A package is compiled once for each content hash and kept in the caches folder, which the system may empty. The
/// first load of a model is therefore long, and longer still where the system specialises it for the Neural Engine;
/// that is what the regime "first_ever" measures.
public struct CoreMLBackend: ModelBackend {
    public let name = "coreml"
    private let cache: CompiledModelCache

    /// - Parameter cacheFolder: where compiled models are kept; nil takes the app's caches folder.
    public init(cacheFolder: URL? = nil) {
        let caches = FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask).first
        let folder =
            cacheFolder ?? (caches ?? FileManager.default.temporaryDirectory).appending(path: "compiled-models")
        cache = CompiledModelCache(folder: folder)
    }

    public func load(_ package: ModelPackage, units: ComputeUnits) async throws -> any LoadedModel {
        do {
            let (compiled, isNew) = try await cache.compiledModel(for: package)
            let functions = package.manifest.functions
            async let decode = Self.loadFunction(functions.decode, at: compiled, units)
            async let prefill = Self.loadFunction(functions.prefill, at: compiled, units)
            let others = OccasionalFunctions { try await Self.loadFunction($0, at: compiled, units) }
            let model = CoreMLModel(
                manifest: package.manifest, decode: try await decode, prefill: try await prefill, others: others)
            let findings = try await findings(on: model, compiled, package.manifest, units)
            model.settle(findings, notes: [isNew ? "compiled now" : "compiled before"])
            return model
        } catch let error as RuntimeError {
            throw error
        } catch {
            throw RuntimeError.loadFailed("Core ML: \(error.localizedDescription)")
        }
    }

    private static func loadFunction(_ name: String, at url: URL, _ units: ComputeUnits) async throws -> LoadedFunction {
        LoadedFunction(try await MLModel.load(contentsOf: url, configuration: configuration(units, function: name)))
    }

    static func configuration(_ units: ComputeUnits, function: String) -> MLModelConfiguration {
        let configuration = MLModelConfiguration()
        configuration.functionName = function
        configuration.computeUnits =
            switch units {
            case .all: .all
            case .cpuOnly: .cpuOnly
            case .cpuAndGPU: .cpuAndGPU
            case .cpuAndNeuralEngine: .cpuAndNeuralEngine
            }
        return configuration
    }

    /// What is found out about a model once for each system and choice of units, and kept beside the compiled model:
    /// both questions cost about as much as a load.
    private func findings(
        on model: CoreMLModel, _ compiled: URL, _ manifest: ModelManifest, _ units: ComputeUnits
    ) async throws -> Findings {
        let system = ProcessInfo.processInfo.operatingSystemVersionString
        let file = compiled.deletingPathExtension().appendingPathExtension("\(units.rawValue).json")
        if let data = try? Data(contentsOf: file), let kept = try? JSONDecoder().decode(Findings.self, from: data),
            kept.system == system
        {
            return kept
        }
        let functions = manifest.functions
        async let decode = tally(of: compiled, units, functions.decode, as: "decode")
        async let prefill = tally(of: compiled, units, functions.prefill, as: "prefill")
        let tallies = [await decode, await prefill]
        let findings = Findings(
            system: system, prefillSharesState: try await model.prefillSharesState(),
            placement: tallies[0]?.summary, placements: tallies.flatMap { $0?.placements ?? [] })
        try JSONEncoder().encode(findings).write(to: file, options: .atomic)
        return findings
    }

    private func tally(
        of compiled: URL, _ units: ComputeUnits, _ function: String, as role: String
    ) async -> PlacementTally? {
        await Placement.tally(
            of: compiled, configuration: Self.configuration(units, function: function), function: function, as: role)
    }
}

/// What was found out about a compiled model on one version of the system.
struct Findings: Codable, Sendable {
    var system: String
    /// A state that the decode function made serves the prefill function too. The documentation does not promise it.
    var prefillSharesState: Bool
    /// Where the system means to run the decode function's operations, in words; nil where it does not say.
    var placement: String?
    /// The same of decode and prefill, operation by operation.
    var placements: [PlacedOperations]
}
#endif
