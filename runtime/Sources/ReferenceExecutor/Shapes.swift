/// Arithmetic on shapes. A shape is a list of sizes, outermost first; everything is contiguous unless strides say otherwise.
enum Shapes {
    static func count(_ shape: [Int]) -> Int { shape.reduce(1, *) }

    /// Elements between neighbours along each axis of a contiguous tensor.
    static func strides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        return strides
    }

    /// The shape that both operands stretch to, or nil when they do not agree.
    static func broadcast(_ a: [Int], _ b: [Int]) -> [Int]? {
        let rank = max(a.count, b.count)
        var shape: [Int] = []
        for axis in 0..<rank {
            let left = axis - (rank - a.count)
            let right = axis - (rank - b.count)
            let x = left < 0 ? 1 : a[left]
            let y = right < 0 ? 1 : b[right]
            guard x == y || x == 1 || y == 1 else { return nil }
            shape.append(x == 1 ? y : x)
        }
        return shape
    }

    /// Strides with which a tensor of `shape` is read as one of the broadcast `target`: 0 where it repeats.
    static func broadcastStrides(_ shape: [Int], to target: [Int]) -> [Int] {
        let own = strides(shape)
        let skip = target.count - shape.count
        return target.indices.map { axis in
            axis < skip || shape[axis - skip] == 1 ? 0 : own[axis - skip]
        }
    }

    /// `axis` counted from the front, or nil when it lies outside the rank.
    static func normalize(_ axis: Int, rank: Int) -> Int? {
        let positive = axis < 0 ? axis + rank : axis
        return positive >= 0 && positive < rank ? positive : nil
    }
}

/// Visits the elements of a strided index space for several operands at once: `dimensions` outer to inner, and per
/// operand one stride a dimension. Neighbouring dimensions that are contiguous for every operand are merged, so that
/// the innermost run is as long as possible.
struct StridedWalk: Sendable {
    let outer: [Int]
    /// Per operand, strides of the outer dimensions.
    let outerStrides: [[Int]]
    /// Length of the innermost run.
    let run: Int
    /// Per operand, stride within the run.
    let runStrides: [Int]

    init(_ dimensions: [Int], strides: [[Int]]) {
        var sizes: [Int] = []
        var kept = [[Int]](repeating: [], count: strides.count)
        for axis in dimensions.indices where dimensions[axis] != 1 {
            let size = dimensions[axis]
            let merges = !sizes.isEmpty && strides.indices.allSatisfy { kept[$0].last == strides[$0][axis] * size }
            if merges { sizes[sizes.count - 1] *= size } else { sizes.append(size) }
            for index in strides.indices {
                if merges {
                    kept[index][kept[index].count - 1] = strides[index][axis]
                } else {
                    kept[index].append(strides[index][axis])
                }
            }
        }
        run = sizes.last ?? 1
        runStrides = kept.map { $0.last ?? 0 }
        outer = Array(sizes.dropLast())
        outerStrides = kept.map { Array($0.dropLast()) }
    }

    /// Calls `body` once per run with the offset of each of two operands.
    @inline(__always)
    func forEachRun(_ body: (Int, Int) -> Void) {
        if outer.isEmpty { return body(0, 0) }
        var index = [Int](repeating: 0, count: outer.count)
        var a = 0
        var b = 0
        let runs = outer.reduce(1, *)
        for _ in 0..<runs {
            body(a, b)
            var axis = outer.count - 1
            while axis >= 0 {
                index[axis] += 1
                a += outerStrides[0][axis]
                b += outerStrides[1][axis]
                if index[axis] < outer[axis] { break }
                a -= outerStrides[0][axis] * outer[axis]
                b -= outerStrides[1][axis] * outer[axis]
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
