import Foundation
import MLProgram
import Testing

@testable import ReferenceExecutor

/// Every operation against what coremltools and numpy say: Fixtures/ops, written by its generate.py.
@Suite struct OperationTests {
    struct Case: Decodable {
        struct Array: Decodable {
            var shape: [Int]
            var type: String?
            /// Infinities, which JSON lacks, are text.
            var values: [Number]

            var floats: [Float] { values.map(\.value) }

            var tensor: Tensor {
                type == "int32"
                    ? Tensor(floats.map { Int32($0) }, shape: shape)
                    : Tensor(floats, shape: shape, dataType: type == "float16" ? .float16 : .float32)
            }
        }

        struct Number: Decodable {
            var value: Float

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(Double.self) {
                    value = Float(number)
                } else {
                    value = try Float(container.decode(String.self)) ?? .nan
                }
            }
        }

        var name: String
        /// Whether there is a function NAME__folded with constants for inputs.
        var fold: Bool
        /// Relative to the larger of 1 and the expected value.
        var tolerance: Float
        var inputs: [Array]
        var outputs: [Array]
    }

    struct File: Decodable { var cases: [Case] }

    static let folder = Fixtures.folder.appendingPathComponent("ops")

    static func cases() throws -> [Case] {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: folder.appendingPathComponent("ops.json"))).cases
    }

    static func package() throws -> ProgramPackage {
        try ProgramPackage(path: folder.appendingPathComponent("ops.mlpackage").path)
    }

    private func check(_ results: [String: Tensor], _ item: Case, _ name: String, tolerance: Float) {
        for (index, expected) in item.outputs.enumerated() {
            guard let found = results["out\(index)"] else {
                Issue.record("\(name): no result out\(index), only \(results.keys.sorted())")
                continue
            }
            #expect(found.shape == expected.shape, "\(name)")
            let values = found.floats ?? found.ints!.map { Float($0) }
            let worst =
                zip(values, expected.floats).map { a, b -> Float in
                    a == b ? 0 : abs(a - b) / max(1, abs(b))
                }.max { $1.isNaN || $0 < $1 } ?? 0
            #expect(worst <= tolerance, "\(name): result \(index) differs by \(worst)")
        }
    }

    @Test(arguments: [KernelLevel.portable, .avx2, .avx512]) func operationsAgree(level: KernelLevel) throws {
        let package = try Self.package()
        let cases = try Self.cases()
        #expect(cases.count > 300)
        try level.use {
            let model = try ReferenceModel(package, threads: 1)
            for item in cases {
                var inputs: [String: Tensor] = [:]
                for (index, input) in item.inputs.enumerated() { inputs["in\(index)"] = input.tensor }
                check(try model.run(item.name, inputs), item, item.name, tolerance: item.tolerance)
                guard item.fold else { continue }
                let folded = item.name + "__folded"
                check(
                    try model.run(folded, ["unused": Tensor([Float(0)], shape: [1])]), item, folded, tolerance: item.tolerance)
            }
        }
    }

    /// Results in half precision are the exact ones rounded.
    @Test func halfPrecisionStorageRounds() throws {
        let model = try ReferenceModel(Self.package(), functions: ["linear_half"], numerics: .storage16, threads: 1)
        let item = try #require(try Self.cases().first { $0.name == "linear_half" })
        let found = try model.run("linear_half", ["in0": item.inputs[0].tensor])["out0"]!.floats!
        for (a, b) in zip(found, item.outputs[0].floats) {
            #expect(abs(a - b) <= max(abs(b), 1e-3) * 1e-3)
            #expect(Float(Float16(a)) == a)
        }
    }

    /// Constants are folded at load: nothing is left to do when the function runs.
    @Test func foldedFunctionsHaveNoSteps() throws {
        let package = try Self.package()
        let store = ConstantStore(weights: package.weights)
        let function = try #require(package.program.functions["softmax__folded"])
        let compiled = try CompiledFunction(
            name: "softmax__folded", function: function, numerics: .float32, pool: ThreadPool(threads: 1), store: store)
        #expect(compiled.steps.isEmpty)
    }

    /// The table lists what the fixtures exercise, and the fixtures exercise what the table lists.
    @Test func everyOperationHasACase() throws {
        let package = try Self.package()
        var used: Set<String> = []
        for function in package.program.functions.values { used.formUnion(function.body!.operations.map(\.type)) }
        let elsewhere: Set<String> = ["read_state", "write_state"]
        let missing = Set(OperationTable.names).subtracting(used).subtracting(elsewhere)
        #expect(missing.isEmpty, "\(missing.sorted())")
    }
}
