import MLProgram
import Testing

@testable import ReferenceExecutor

/// topk over many elements, of which it selects without sorting.
@Suite struct RankingTests {
    private func top(_ k: Int32, of values: [Float], ascending: Bool = false) throws -> (values: [Float], indices: [Int32]) {
        var sketch = Sketch()
        sketch.input("x", [1, values.count])
        sketch.constant("k", ints: [k], shape: [])
        sketch.constant("axis", ints: [1], shape: [])
        sketch.constant("ascending", bool: ascending)
        sketch.operation("topk", ["v", "i"], [1, Int(k)], ["x": ["x"], "k": ["k"], "axis": ["axis"], "ascending": ["ascending"]])
        let compiled = try sketch.compile(["v", "i"])
        let results = try compiled.run(["x": Tensor(values, shape: [1, values.count])], states: [])
        return (results["v"]!.floats!, results["i"]!.ints!)
    }

    @Test(arguments: [1, 7, 40, 63], [false, true])
    func selectingAgreesWithSorting(k: Int, ascending: Bool) throws {
        // Many equals, so that the order among them shows.
        let values = (0..<512).map { Float(($0 * 7919) % 61) - 30 }
        let sorted = values.indices.sorted { a, b in
            values[a] == values[b] ? a < b : ascending ? values[a] < values[b] : values[a] > values[b]
        }
        let found = try top(Int32(k), of: values, ascending: ascending)
        #expect(found.indices == sorted.prefix(k).map { Int32($0) })
        #expect(found.values == sorted.prefix(k).map { values[$0] })
    }

    @Test func whatIsNotANumberShows() throws {
        var values = (0..<512).map { Float($0) }
        values[100] = .nan
        #expect(try top(8, of: values).values.contains { $0.isNaN })
        values[100] = .infinity
        #expect(try top(8, of: values).indices.first == 100)
    }
}
