import LanguageRuntime
import Testing

@Suite struct PlacementTests {
    @Test func theUnitWithMostOperationsIsCountedAndTheOthersAreNamed() {
        var tally = PlacementTally(function: "decode")
        #expect(tally.summary == nil && tally.placements.isEmpty)
        for name in ["linear_1", "linear_0", "add_0"] { tally.add(name, on: .neuralEngine, cost: 0.3) }
        tally.add("top_ids", on: .cpu, cost: 0.05)
        tally.add("gather_0", on: .cpu, cost: 0.05)
        #expect(
            tally.placements == [
                PlacedOperations(function: "decode", unit: .neuralEngine, count: 3),
                PlacedOperations(function: "decode", unit: .cpu, count: 2, names: ["gather_0", "top_ids"]),
            ])
        #expect(tally.summary == "neural engine 3 (90 % of the cost), CPU 2 (10 % of the cost)")
    }

    @Test func withoutCostsOnlyOperationsAreCounted() {
        var tally = PlacementTally(function: "prefill")
        tally.add("a", on: .gpu)
        tally.add("b", on: .cpu)
        // Of equals, always the same one first.
        #expect(tally.summary == "CPU 1, GPU 1")
        #expect(tally.placements.map(\.names) == [[], ["a"]])
    }
}
