#if canImport(CoreML)
import CoreML
import Foundation

/// Where Core ML means to run a function's operations: compute units are a wish, and a fallback is silent.
enum Placement {
    /// "neural engine 120 (97 % of the cost), CPU 3 (3 %)"; nil where the system has no plan for the model.
    static func summary(of compiled: URL, configuration: MLModelConfiguration, function: String) async -> String? {
        guard let plan = try? await MLComputePlan.load(contentsOf: compiled, configuration: configuration),
            case .program(let program) = plan.modelStructure, let body = program.functions[function]
        else { return nil }
        var tally = Tally()
        count(body.block, plan, &tally)
        return tally.description
    }

    private static func count(_ block: MLModelStructure.Program.Block, _ plan: MLComputePlan, _ tally: inout Tally) {
        for operation in block.operations {
            for inner in operation.blocks { count(inner, plan, &tally) }
            // Constants have no device.
            guard let usage = plan.deviceUsage(for: operation) else { continue }
            tally.add(name(of: usage.preferred), cost: plan.estimatedCost(of: operation)?.weight ?? 0)
        }
    }

    private static func name(of device: MLComputeDevice) -> String {
        switch device {
        case .neuralEngine: "neural engine"
        case .gpu: "GPU"
        case .cpu: "CPU"
        @unknown default: "other"
        }
    }
}
#endif

/// Operations and cost by device.
struct Tally: CustomStringConvertible {
    private var operations: [String: Int] = [:]
    private var cost: [String: Double] = [:]

    mutating func add(_ device: String, cost weight: Double) {
        operations[device, default: 0] += 1
        cost[device, default: 0] += weight
    }

    /// Devices by number of operations, most first; nil when nothing was counted.
    var summary: String? {
        guard !operations.isEmpty else { return nil }
        let total = cost.values.reduce(0, +)
        return operations.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { device, count in
            guard total > 0 else { return "\(device) \(count)" }
            return "\(device) \(count) (\(Int(((cost[device] ?? 0) / total * 100).rounded())) % of the cost)"
        }.joined(separator: ", ")
    }

    var description: String { summary ?? "no operation placed" }
}
