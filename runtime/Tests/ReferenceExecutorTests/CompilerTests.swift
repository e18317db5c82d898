import Foundation
import MLProgram
import Testing

@testable import ReferenceExecutor

/// Programs that contradict themselves or need more than the executor has are refused at load, with the operation's name.
@Suite struct CompilerTests {
    private func failure(_ body: () throws -> Void) -> ProgramError? {
        do {
            try body()
            return nil
        } catch {
            return error as? ProgramError
        }
    }

    @Test func unknownOperationIsNamedAtLoad() throws {
        var sketch = Sketch()
        sketch.input("x", [2])
        sketch.operation("hologram", "y", [2], ["x": ["x"]])
        let error = try #require(failure { _ = try sketch.compile(["y"]) })
        #expect(error.kind == .unsupported)
        #expect(error.description == "sketch/hologram y: unknown operation")
    }

    @Test func wrongDeclaredShapeIsRefused() throws {
        var sketch = Sketch()
        sketch.input("x", [2, 3])
        sketch.operation("add", "y", [3, 2], ["x": ["x"], "y": ["x"]])
        let error = try #require(failure { _ = try sketch.compile(["y"]) })
        #expect(error.kind == .invalid)
        #expect(error.reason.contains("computes shape [2, 3], the program declares [3, 2]"))
    }

    static let contradictions: [(what: String, build: @Sendable (inout Sketch) -> Void)] = [
        ("undefined name", { $0.operation("abs", "y", [2], ["x": ["nothing"]]) }),
        ("missing parameter", { $0.operation("add", "y", [2], ["x": ["x"]]) }),
        (
            "no broadcast",
            { sketch in
                sketch.input("z", [3])
                sketch.operation("add", "y", [2], ["x": ["x"], "y": ["z"]])
            }
        ),
        (
            "floats and integers",
            { sketch in
                sketch.constant("i", ints: [1, 2])
                sketch.operation("add", "y", [2], ["x": ["x"], "y": ["i"]])
            }
        ),
        (
            "axis out of range",
            { sketch in
                sketch.constant("axis", ints: [4], shape: [])
                sketch.operation("softmax", "y", [2], ["x": ["x"], "axis": ["axis"]])
            }
        ),
        ("defined twice", { $0.operation("abs", "x", [2], ["x": ["x"]]) }),
        (
            "a state as a tensor",
            { sketch in
                sketch.state("s", [2])
                sketch.operation("abs", "y", [2], ["x": ["s"]])
            }
        ),
        ("a tensor as a state", { $0.operation("read_state", "y", [2], ["input": ["x"]]) }),
        (
            "perm of another rank",
            { sketch in
                sketch.constant("perm", ints: [1, 0])
                sketch.operation("transpose", "y", [2], ["x": ["x"], "perm": ["perm"]])
            }
        ),
        (
            "unknown mode",
            { sketch in
                sketch.constant("mode", text: "SQUARE")
                sketch.operation("gelu", "y", [2], ["x": ["x"], "mode": ["mode"]])
            }
        ),
        ("huge shape", { $0.operation("fill", "y", [1 << 30, 1 << 30, 1 << 30], [:]) }),
        (
            "negative reshape",
            { sketch in
                sketch.constant("shape", ints: [-1, -1])
                sketch.operation("reshape", "y", [1, 2], ["x": ["x"], "shape": ["shape"]])
            }
        ),
    ]

    @Test(arguments: contradictions.indices) func contradictionsAreRefused(_ index: Int) throws {
        var sketch = Sketch()
        sketch.input("x", [2])
        Self.contradictions[index].build(&sketch)
        let error = try #require(failure { _ = try sketch.compile(["y"]) }, "\(Self.contradictions[index].what)")
        #expect(error.operation?.hasPrefix("sketch/") == true, "\(Self.contradictions[index].what): \(error)")
    }

    @Test func constantsOutOfPlaceAreTorn() throws {
        var sketch = Sketch()
        sketch.constant("c", ints: [1, 2, 3], shape: [2])
        #expect(failure { _ = try sketch.compile(["c"]) }?.kind == .torn)
    }

    /// Values whose lives do not overlap share memory.
    @Test func arenaIsReused() throws {
        var sketch = Sketch()
        sketch.input("x", [1000])
        var last = "x"
        for index in 0..<50 {
            sketch.operation("abs", "y\(index)", [1000], ["x": [last]])
            last = "y\(index)"
        }
        let function = try sketch.compile([last])
        #expect(function.arenaBytes < 4 * 4096)
        let found = try function.run(["x": Tensor([Float](repeating: -2, count: 1000), shape: [1000])], states: [])
        #expect(found[last]!.floats! == [Float](repeating: 2, count: 1000))
    }

    static let equations: [(String, [Int], [Int])] = [
        ("bqhd,bkhd->bhqk", [2, 3, 2, 4], [2, 5, 2, 4]),
        ("bchq,bkhc->bkhq", [2, 4, 3, 6], [2, 5, 3, 4]),
        ("bkhq,bchk->bchq", [2, 5, 3, 6], [2, 4, 3, 5]),
        ("ij,jk->ik", [3, 4], [4, 5]),
        ("ij,kj->ki", [3, 4], [5, 4]),
        ("bij,bjk->bik", [2, 3, 4], [2, 4, 5]),
        ("i,j->ji", [3], [4]),
    ]

    @Test(arguments: equations.indices) func einsumAgreesWithItsDefinition(_ index: Int) throws {
        let (equation, left, right) = Self.equations[index]
        let sides = equation.replacingOccurrences(of: "->", with: ",").split(separator: ",").map(Array.init)
        var sizes: [Character: Int] = [:]
        for (label, size) in zip(sides[0] + sides[1], left + right) { sizes[label] = size }
        let shape = sides[2].map { sizes[$0]! }
        var sketch = Sketch()
        sketch.input("a", left)
        sketch.input("b", right)
        sketch.constant("equation", text: equation)
        sketch.operation("einsum", "y", shape, ["values": ["a", "b"], "equation": ["equation"]])
        let a: [Float] = (0..<Shapes.count(left)).map { Float($0 % 7) - 3 }
        let b: [Float] = (0..<Shapes.count(right)).map { Float($0 % 5) - 2 }
        let found = try sketch.compile(["y"]).run(["a": Tensor(a, shape: left), "b": Tensor(b, shape: right)], states: [])["y"]!

        let labels = sizes.keys.sorted()
        var expected = [Float](repeating: 0, count: Shapes.count(shape))
        func offset(_ side: [Character], _ index: [Character: Int]) -> Int {
            var offset = 0
            for label in side { offset = offset * sizes[label]! + index[label]! }
            return offset
        }
        for flat in 0..<Shapes.count(labels.map { sizes[$0]! }) {
            var rest = flat
            var index: [Character: Int] = [:]
            for label in labels {
                index[label] = rest % sizes[label]!
                rest /= sizes[label]!
            }
            expected[offset(sides[2], index)] += a[offset(sides[0], index)] * b[offset(sides[1], index)]
        }
        #expect(found.floats! == expected, "\(equation)")
    }
}
