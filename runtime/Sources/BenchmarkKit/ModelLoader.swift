#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import LanguageRuntime
import ModelManager

/// Loads the plan's model and records how long it took.
struct ModelLoader: Sendable {
    /// What a load can build on.
    enum Regime: String, Sendable {
        /// First since app or model arrived on the device: what the system compiles is not there yet.
        case firstEver = "first_ever"
        /// First of the process.
        case cold
        /// Again in the same process.
        case warm
    }

    /// Models up to this size are hashed at every launch; larger ones when they have just arrived.
    static let alwaysHashed: Int64 = 256 << 20

    let plan: Plan
    let folder: String
    let environment: SessionEnvironment
    let recorder: Recorder

    func load(_ regime: Regime) async throws -> Generator {
        recorder.enter(.load, iteration: nil)
        let package = try open(regime)
        environment.signposts.begin(.load)
        defer { environment.signposts.end(.load) }
        let generator = try await Generator.load(
            package, backend: environment.backend, units: plan.computeUnits, memory: environment.memoryMeter,
            clock: environment.clock)
        recorder.record(.load) { event in
            event.regime = regime.rawValue
            event.ns = generator.loadNanoseconds
            event.model = package.manifest.name
            event.modelHash = package.hash
            event.modelBytes = package.manifest.sizeBytes
            if !generator.model.notes.isEmpty { event.text = generator.model.notes.joined(separator: "; ") }
        }
        // It is settled by the system, the model and the units, so one load of a launch tells.
        if regime != .warm { record(generator.model.placements) }
        return generator
    }

    private func record(_ placements: [PlacedOperations]) {
        for placement in placements {
            recorder.record(.placement) { event in
                event.function = placement.function
                event.unit = placement.unit.rawValue
                event.count = placement.count
                if !placement.names.isEmpty { event.operations = placement.names.joined(separator: " ") }
            }
        }
    }

    private func open(_ regime: Regime) throws -> ModelPackage {
        let url = URL(fileURLWithPath: plan.model.hasPrefix("/") ? plan.model : folder + "/" + plan.model)
        func open(_ verification: ModelPackage.Verification) throws -> ModelPackage {
            try ModelPackage.open(url, runtime: runtimeVersion, expecting: plan.modelHash, verification: verification)
        }
        if regime == .warm { return try open(.sizes) }
        if regime == .firstEver { return try open(.contents) }
        let package = try open(.sizes)
        return package.manifest.sizeBytes <= Self.alwaysHashed ? try open(.contents) : package
    }

    /// Records why there is no model.
    func record(_ error: any Error) {
        recorder.record(.error) { event in
            event.code =
                switch error {
                case ModelError.incompatible, ModelError.unknownFormat: "incompatible_model"
                case let error as RuntimeError: error.code
                default: "load_failed"
                }
            event.message = String(describing: error)
        }
    }
}
