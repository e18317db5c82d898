import Foundation
import MLProgram
import Testing

@testable import ReferenceExecutor

/// The parts that programs are built of, with values up to the largest of fp16 and every result rounded to fp16:
/// Fixtures/blocks, written by its generate.py, has what float64 makes of them.
@Suite struct NumericsTests {
    struct Case: Decodable {
        struct Array: Decodable {
            var shape: [Int]
            var values: [Float]
        }
        var name: String
        var inputs: [String: Array]
        var expected: Array
    }

    private struct File: Decodable { var cases: [Case] }

    private func cases() throws -> (ProgramPackage, [Case]) {
        let folder = Fixtures.folder.appendingPathComponent("blocks")
        let text = try Data(contentsOf: folder.appendingPathComponent("blocks.json"))
        let package = try ProgramPackage(path: folder.appendingPathComponent("blocks.mlpackage").path)
        return (package, try JSONDecoder().decode(File.self, from: text).cases)
    }

    @Test(arguments: [(Numerics.storage16, Float(0.01)), (.float32, 1e-3)])
    func blocksAreFiniteAndRight(numerics: Numerics, tolerance: Float) throws {
        let (package, cases) = try cases()
        #expect(cases.map(\.name).contains("layer_norm_channels") && cases.count == 5)
        let model = try ReferenceModel(package, numerics: numerics, threads: 1)
        for item in cases {
            let inputs = item.inputs.mapValues { Tensor($0.values, shape: $0.shape, dataType: .float16) }
            #expect(inputs.values.contains { $0.floats!.contains { abs($0) >= 5e4 } } || item.name == "attention")
            let found = try #require(try model.run(item.name, inputs)["out"]?.floats)
            #expect(found.count == item.expected.values.count)
            for (index, (a, b)) in zip(found, item.expected.values).enumerated() {
                #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(item.name)[\(index)]: \(a), not \(b)")
            }
        }
    }

    /// Or the test above would pass whatever the blocks do: squares, sums and differences do overflow.
    @Test func roundingOverflowsWhereNothingGuards() throws {
        var sketch = Sketch()
        sketch.input("x", [4], .float16)
        sketch.operation("square", "y", [4], ["x": ["x"]], .float16)
        let compiled = try sketch.compile(["y"], numerics: .storage16)
        let x = Tensor([255, 256, 6e4, -6e4], shape: [4], dataType: .float16)
        let y = try compiled.run(["x": x], states: [])["y"]!.floats!
        #expect(y[0].isFinite && y[1...].allSatisfy { $0.isInfinite })
    }
}
