import MLProgram

/// scatter, scatter_along_axis, scatter_nd: a copy of `data` in which some elements are combined with `updates`.
enum ScatterOperations {
    static var entries: [String: OperationTable.Compile] {
        [
            "scatter": scatter, "scatter_along_axis": scatterAlongAxis, "scatter_nd": scatterND,
        ]
    }

    /// Combines element `from` of the updates into element `to` of the result.
    private typealias Combine = (Operand, Int, Operand, Int) -> Void

    private static func combine(_ op: OpContext) throws -> Combine {
        @inline(__always) func both(_ f: @escaping (Float, Float) -> Float, _ g: @escaping (Int32, Int32) -> Int32) -> Combine {
            { y, to, updates, from in
                if y.kind == .float {
                    y.floats[to] = f(y.floats[to], updates.floats[from])
                } else {
                    y.ints[to] = g(y.ints[to], updates.ints[from])
                }
            }
        }
        switch try op.string("mode", default: "add") {
        case "update": return both({ $1 }, { $1 })
        case "add": return both({ $0 + $1 }, { $0 &+ $1 })
        case "sub": return both({ $0 - $1 }, { $0 &- $1 })
        case "mul": return both({ $0 * $1 }, { $0 &* $1 })
        case "div": return both({ $0 / $1 }, { $1 == 0 ? 0 : $0 == .min && $1 == -1 ? .min : $0 / $1 })
        case "max": return both({ max($0, $1) }, { max($0, $1) })
        case "min": return both({ min($0, $1) }, { min($0, $1) })
        case let mode: throw ProgramError(.unsupported, "scatter mode \(mode)")
        }
    }

    private static func arguments(_ op: OpContext) throws -> (data: Operand, indices: Operand, updates: Operand, y: Operand) {
        let data = try op.operand("data")
        let indices = try op.operand("indices")
        let updates = try op.operand("updates")
        guard indices.kind == .int, data.kind == updates.kind else {
            throw ProgramError(.invalid, "\(updates.dataType) into \(data.dataType) at \(indices.dataType)")
        }
        return (data, indices, updates, try op.output(shape: data.shape, kind: data.kind))
    }

    private static func scatter(_ op: OpContext) throws {
        let (data, indices, updates, y) = try arguments(op)
        let axis = try op.axis("axis", rank: data.rank, default: 0)
        guard updates.shape == Array(data.shape[..<axis]) + indices.shape + Array(data.shape[(axis + 1)...]) else {
            throw ProgramError(.invalid, "data \(data.shape), indices \(indices.shape), updates \(updates.shape)")
        }
        let combine = try combine(op)
        let lanes = Lanes(data.shape, axis: axis)
        try op.emit {
            y.words.update(from: data.words, count: data.count)
            for block in 0..<lanes.outer {
                for i in 0..<indices.count {
                    let index = try GatherOperations.check(indices.ints[i], lanes.length)
                    for position in 0..<lanes.inner {
                        combine(
                            y, (block * lanes.length + index) * lanes.inner + position, updates,
                            (block * indices.count + i) * lanes.inner + position)
                    }
                }
            }
        }
    }

    private static func scatterAlongAxis(_ op: OpContext) throws {
        let (data, indices, updates, y) = try arguments(op)
        let axis = try op.axis("axis", rank: data.rank, default: 0)
        var expected = data.shape
        guard indices.rank == data.rank else { throw ProgramError(.invalid, "data \(data.shape), indices \(indices.shape)") }
        expected[axis] = indices.shape[axis]
        guard indices.shape == expected, updates.shape == expected else {
            throw ProgramError(.invalid, "data \(data.shape), indices \(indices.shape), updates \(updates.shape)")
        }
        let combine = try combine(op)
        let to = Lanes(data.shape, axis: axis)
        let from = Lanes(indices.shape, axis: axis)
        try op.emit {
            y.words.update(from: data.words, count: data.count)
            for i in 0..<indices.count {
                let (block, position) = (i / (from.length * from.inner), i % from.inner)
                let index = try GatherOperations.check(indices.ints[i], to.length)
                combine(y, (block * to.length + index) * to.inner + position, updates, i)
            }
        }
    }

    private static func scatterND(_ op: OpContext) throws {
        let (data, indices, updates, y) = try arguments(op)
        guard let depth = indices.shape.last, depth <= data.rank,
            updates.shape == Array(indices.shape.dropLast()) + Array(data.shape[depth...])
        else { throw ProgramError(.invalid, "data \(data.shape), indices \(indices.shape), updates \(updates.shape)") }
        let combine = try combine(op)
        let inner = Shapes.count(Array(data.shape[depth...]))
        let tuples = Shapes.count(Array(indices.shape.dropLast()))
        try op.emit {
            y.words.update(from: data.words, count: data.count)
            for i in 0..<tuples {
                var place = 0
                for axis in 0..<depth {
                    place =
                        place * data.shape[axis]
                        + (try GatherOperations.check(indices.ints[i * depth + axis], data.shape[axis]))
                }
                for k in 0..<inner { combine(y, place * inner + k, updates, i * inner + k) }
            }
        }
    }
}
