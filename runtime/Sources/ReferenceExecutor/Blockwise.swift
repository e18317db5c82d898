import MLProgram

/// Unpacks compressed constants of any rank to plain floats.
enum Blockwise {
    /// out = scale * (data - offset), where scale and offset have a divisor of data's size along every axis.
    static func expand(_ data: Constant, _ scale: Constant, _ offset: Constant?, into out: UnsafeMutablePointer<Float>) throws {
        let scales = try scale.floats()
        let offsets = try offset.map { try number($0) }
        let values = try number(data)
        forEachRun(data.shape, groups: scale.shape) { start, length, group in
            let factor = scales[group]
            let shift = offsets?(group) ?? 0
            for i in start..<start + length { out[i] = factor * (values(i) - shift) }
        }
    }

    /// out = table of the element's group, at the element's index.
    static func lookUp(
        _ indices: UnsafeRawBufferPointer, _ bits: Int, _ groups: [Int], _ table: UnsafePointer<Float>, _ shape: [Int],
        into out: UnsafeMutablePointer<Float>
    ) {
        forEachRun(shape, groups: groups) { start, length, group in
            for i in start..<start + length { out[i] = table[group << bits + Int(indices.bits(bits, i))] }
        }
    }

    /// Element access that hides whether a constant holds floats or integers.
    private static func number(_ constant: Constant) throws -> (Int) -> Float {
        if constant.kind == .float {
            let floats = try constant.floats()
            return { floats[$0] }
        }
        if case .packed(let data) = constant.payload {
            let type = constant.dataType
            _ = try constant.count == 0 ? 0 : data.integer(type, 0)
            return { (try? data.integer(type, $0)).map(Float.init) ?? 0 }
        }
        let ints = try constant.dense().assumingMemoryBound(to: Int32.self)
        return { Float(ints[$0]) }
    }

    /// Calls `body(start, length, group)` for every run of elements that share a group, in order. `groups` has the shape's
    /// rank and divides it.
    static func forEachRun(_ shape: [Int], groups: [Int], _ body: (Int, Int, Int) -> Void) {
        guard Shapes.count(shape) > 0, let last = shape.last, let lastGroups = groups.last else { return }
        let length = last / lastGroups
        let groupStrides = Shapes.strides(groups)
        var index = [Int](repeating: 0, count: shape.count - 1)
        for row in 0..<Shapes.count(shape) / last {
            var group = 0
            for axis in index.indices { group += index[axis] / (shape[axis] / groups[axis]) * groupStrides[axis] }
            for block in 0..<lastGroups { body(row * last + block * length, length, group + block) }
            var axis = index.count - 1
            while axis >= 0 {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
