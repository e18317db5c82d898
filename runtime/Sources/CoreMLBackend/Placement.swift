#if canImport(CoreML)
import CoreML
import Foundation
import LanguageRuntime

/// Where Core ML means to run a function's operations.
enum Placement {
    /// nil where the system has no plan for the model.
    static func tally(
        of compiled: URL, configuration: MLModelConfiguration, function name: String, as role: String
    ) async -> PlacementTally? {
        guard let plan = try? await MLComputePlan.load(contentsOf: compiled, configuration: configuration),
            case .program(let program) = plan.modelStructure, let body = program.functions[name]
        else { return nil }
        var tally = PlacementTally(function: role)
        count(body.block, plan, &tally)
        return tally
    }

    private static func count(
        _ block: MLModelStructure.Program.Block, _ plan: MLComputePlan, _ tally: inout PlacementTally
    ) {
        for operation in block.operations {
            for inner in operation.blocks { count(inner, plan, &tally) }
            // Constants have no device.
            guard let usage = plan.deviceUsage(for: operation) else { continue }
            tally.add(
                operation.outputs.first?.name ?? operation.operatorName, on: unit(of: usage.preferred),
                cost: plan.estimatedCost(of: operation)?.weight ?? 0)
        }
    }

    private static func unit(of device: MLComputeDevice) -> PlacedOperations.Unit {
        switch device {
        case .neuralEngine: .neuralEngine
        case .gpu: .gpu
        case .cpu: .cpu
        @unknown default: .other
        }
    }
}
#endif
