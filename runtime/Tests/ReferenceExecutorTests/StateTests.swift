import MLProgram
import Testing

@testable import ReferenceExecutor

/// What states mean, in place and where a copy is needed: the result is always that of reading and writing copies.
@Suite struct StateTests {
    /// state[i] = value for one element, by slice_update.
    private func update(_ sketch: inout Sketch, _ result: String, of x: String, with value: String, at index: Int32) {
        sketch.constant("\(result)_begin", ints: [index])
        sketch.constant("\(result)_end", ints: [index + 1])
        sketch.operation(
            "slice_update", result, [4], ["x": [x], "update": [value], "begin": ["\(result)_begin"], "end": ["\(result)_end"]])
    }

    private func run(_ sketch: Sketch, _ outputs: [String], start: [Float] = [1, 2, 3, 4], v: Float = 9) throws -> (
        results: [String: [Float]], state: [Float]
    ) {
        let function = try sketch.compile(outputs)
        var memory = start
        let results = try memory.withUnsafeMutableBytes { bytes in
            try function.run(["v": Tensor([v], shape: [1])], states: [bytes.baseAddress!])
        }
        return (results.mapValues { $0.floats! }, memory)
    }

    private var base: Sketch {
        var sketch = Sketch()
        sketch.input("v", [1])
        sketch.state("s", [4])
        sketch.operation("read_state", "old", [4], ["input": ["s"]])
        return sketch
    }

    @Test func updateInPlace() throws {
        var sketch = base
        update(&sketch, "new", of: "old", with: "v", at: 2)
        sketch.write("new", to: "s")
        sketch.operation("read_state", "after", [4], ["input": ["s"]])
        let plan = StatePlan(sketch.block(["after"]), states: ["s"])
        #expect(plan.inPlaceUpdates.count == 1)
        #expect(plan.emptyWrites.count == 1)
        #expect(plan.aliasedReads.count == 2)
        let found = try run(sketch, ["after"])
        #expect(found.results["after"] == [1, 2, 9, 4])
        #expect(found.state == [1, 2, 9, 4])
    }

    @Test func oldValueUsedLaterIsKept() throws {
        var sketch = base
        update(&sketch, "new", of: "old", with: "v", at: 0)
        sketch.write("new", to: "s")
        sketch.operation("add", "sum", [4], ["x": ["old"], "y": ["new"]])
        let found = try run(sketch, ["sum", "old"])
        #expect(found.results["sum"] == [10, 4, 6, 8])
        #expect(found.results["old"] == [1, 2, 3, 4])
        #expect(found.state == [9, 2, 3, 4])
    }

    @Test func viewOfOldValueUsedLaterIsKept() throws {
        var sketch = base
        sketch.constant("shape", ints: [2, 2])
        sketch.operation("reshape", "view", [2, 2], ["x": ["old"], "shape": ["shape"]])
        update(&sketch, "new", of: "old", with: "v", at: 3)
        sketch.write("new", to: "s")
        let found = try run(sketch, ["view"])
        #expect(found.results["view"] == [1, 2, 3, 4])
        #expect(found.state == [1, 2, 3, 9])
    }

    @Test func readBetweenUpdateAndWriteSeesTheOldValue() throws {
        var sketch = base
        update(&sketch, "new", of: "old", with: "v", at: 1)
        sketch.operation("read_state", "between", [4], ["input": ["s"]])
        sketch.write("new", to: "s")
        let found = try run(sketch, ["between"])
        #expect(found.results["between"] == [1, 2, 3, 4])
        #expect(found.state == [1, 9, 3, 4])
    }

    @Test func chainsOfUpdatesWithoutReads() throws {
        var sketch = base
        update(&sketch, "first", of: "old", with: "v", at: 0)
        sketch.write("first", to: "s")
        update(&sketch, "second", of: "first", with: "v", at: 3)
        sketch.write("second", to: "s")
        sketch.operation("mul", "square", [4], ["x": ["second"], "y": ["second"]])
        let plan = StatePlan(sketch.block(["square"]), states: ["s"])
        #expect(plan.inPlaceUpdates.count == 2)
        let found = try run(sketch, ["square"])
        #expect(found.results["square"] == [81, 4, 9, 81])
        #expect(found.state == [9, 2, 3, 9])
    }

    @Test func firstUpdateOfAChainUsedAtTheEnd() throws {
        var sketch = base
        update(&sketch, "first", of: "old", with: "v", at: 0)
        sketch.write("first", to: "s")
        update(&sketch, "second", of: "first", with: "v", at: 3)
        sketch.write("second", to: "s")
        let found = try run(sketch, ["first", "second"])
        #expect(found.results["first"] == [9, 2, 3, 4])
        #expect(found.results["second"] == [9, 2, 3, 9])
        #expect(found.state == [9, 2, 3, 9])
    }

    /// What is written comes from the state itself, from a place that the update overwrites.
    @Test func updateFromTheStateItself() throws {
        var sketch = base
        sketch.constant("zero", ints: [0])
        sketch.constant("three", ints: [3])
        sketch.operation("slice_by_index", "head", [3], ["x": ["old"], "begin": ["zero"], "end": ["three"]])
        sketch.constant("one", ints: [1])
        sketch.constant("four", ints: [4])
        sketch.operation("slice_update", "shifted", [4], ["x": ["old"], "update": ["head"], "begin": ["one"], "end": ["four"]])
        sketch.write("shifted", to: "s")
        #expect(try run(sketch, ["shifted"]).state == [1, 1, 2, 3])
    }

    @Test func wholeStateReplaced() throws {
        var sketch = base
        sketch.operation("add", "more", [4], ["x": ["old"], "y": ["v"]])
        sketch.write("more", to: "s")
        sketch.operation("read_state", "after", [4], ["input": ["s"]])
        sketch.operation("sub", "difference", [4], ["x": ["after"], "y": ["old"]])
        let found = try run(sketch, ["difference"])
        #expect(found.results["difference"] == [9, 9, 9, 9])
        #expect(found.state == [10, 11, 12, 13])
    }

    /// Random programs over one state: the planned function and plain copying agree.
    @Test func randomProgramsAgreeWithCopying() throws {
        var generator = SeededGenerator(state: 3)
        for round in 0..<1000 {
            var sketch = Sketch()
            sketch.input("v", [1])
            sketch.state("s", [4])
            var values: [String: [Float]] = [:]
            var state: [Float] = [1, 2, 3, 4]
            for index in 0..<12 {
                let name = "n\(index)"
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    sketch.operation("read_state", name, [4], ["input": ["s"]])
                    values[name] = state
                case 1:
                    guard let source = values.keys.sorted().randomElement(using: &generator) else { continue }
                    let place = Int.random(in: 0..<4, using: &generator)
                    update(&sketch, name, of: source, with: "v", at: Int32(place))
                    values[name] = values[source]
                    values[name]![place] = Float(round)
                case 2:
                    guard let source = values.keys.sorted().randomElement(using: &generator) else { continue }
                    sketch.write(source, to: "s")
                    state = values[source]!
                default:
                    guard let source = values.keys.sorted().randomElement(using: &generator) else { continue }
                    sketch.operation("identity", name, [4], ["x": [source]])
                    values[name] = values[source]
                }
            }
            let wanted = values.keys.sorted().filter { _ in Bool.random(using: &generator) }
            let found = try run(sketch, wanted, v: Float(round))
            #expect(found.state == state, "round \(round)")
            for name in wanted { #expect(found.results[name] == values[name], "round \(round), \(name)") }
        }
    }
}

/// A small seeded generator.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
