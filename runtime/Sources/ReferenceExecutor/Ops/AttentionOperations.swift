import CKernels
import MLProgram

/// scaled_dot_product_attention: softmax(q * k^T / sqrt(E) + mask) * v.
enum AttentionOperations {
    static var entries: [String: OperationTable.Compile] {
        ["scaled_dot_product_attention": attention]
    }

    private static func attention(_ op: OpContext) throws {
        let query = try op.operand("query")
        let key = try op.operand("key")
        let value = try op.operand("value")
        let rank = query.rank
        guard rank >= 3, key.rank == rank, value.rank == rank,
            query.shape.dropLast(2) == key.shape.dropLast(2), query.shape.dropLast(2) == value.shape.dropLast(2),
            query.shape[rank - 1] == key.shape[rank - 1], key.shape[rank - 2] == value.shape[rank - 2]
        else { throw ProgramError(.invalid, "query \(query.shape), key \(key.shape), value \(value.shape)") }
        let batch = Array(query.shape.dropLast(2))
        let (length, width) = (query.shape[rank - 2], query.shape[rank - 1])
        let (sources, valueWidth) = (key.shape[rank - 2], value.shape[rank - 1])
        let scoreShape = batch + [length, sources]
        let mask = try op.optionalOperand("attn_mask")
        if let mask {
            guard Shapes.broadcast(mask.shape, scoreShape) == scoreShape else {
                throw ProgramError(.invalid, "mask \(mask.shape) for scores \(scoreShape)")
            }
        }
        let y = try op.output(shape: batch + [length, valueWidth], kind: .float)
        let scores = op.scratch(Shapes.count(scoreShape))
        let scoring = BatchedProduct(
            batch: batch, left: batch, right: batch, m: length, n: sources, k: width, transposedB: true)
        let mixing = BatchedProduct(
            batch: batch, left: batch, right: batch, m: length, n: valueWidth, k: sources, transposedB: false)
        let walk = mask.map {
            StridedWalk(scoreShape, strides: [Shapes.strides(scoreShape), Shapes.broadcastStrides($0.shape, to: scoreShape)])
        }
        let factor = 1 / Float(width).squareRoot()
        let pool = op.pool
        try op.emit {
            scoring.run(query.floats, key.floats, scores.floats, pool)
            for i in 0..<scores.count { scores.floats[i] *= factor }
            if let mask, let walk { apply(mask, to: scores, walk) }
            ck_softmax(pool.handle, scores.floats, scores.floats, Int64(scores.count / max(1, sources)), Int64(sources))
            mixing.run(scores.floats, value.floats, y.floats, pool)
        }
    }

    /// Float masks are added; boolean ones hide where they are false.
    private static func apply(_ mask: Operand, to scores: Operand, _ walk: StridedWalk) {
        let (step, maskStep) = (walk.runStrides[0], walk.runStrides[1])
        walk.forEachRun { start, maskStart in
            let row = scores.floats + start
            for i in 0..<walk.run {
                if mask.kind == .float {
                    row[i * step] += mask.floats[maskStart + i * maskStep]
                } else if mask.ints[maskStart + i * maskStep] == 0 {
                    row[i * step] = -.infinity
                }
            }
        }
    }
}
