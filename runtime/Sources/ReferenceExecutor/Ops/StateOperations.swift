import MLProgram

/// read_state and write_state. Where the plan allows, a read points into the state and an update writes into it.
enum StateOperations {
    static var entries: [String: OperationTable.Compile] {
        ["read_state": read, "write_state": write]
    }

    private static func read(_ op: OpContext) throws {
        let state = try op.state()
        if op.statePlan.aliasedReads.contains(op.index) {
            return try op.result(operand: Operand(buffer: state.buffer, shape: state.type.shape, dataType: state.type.dataType))
        }
        let copy = try op.output(shape: state.type.shape)
        try op.emit { copy.words.update(from: state.buffer.base.assumingMemoryBound(to: UInt32.self), count: copy.count) }
    }

    private static func write(_ op: OpContext) throws {
        let state = try op.state()
        let data = try op.operand("data")
        guard data.shape == state.type.shape, data.kind == ElementKind(state.type.dataType) else {
            throw ProgramError(
                .invalid, "\(data.dataType) \(data.shape) into a state of \(state.type.dataType) \(state.type.shape)")
        }
        if op.statePlan.emptyWrites.contains(op.index) { return }
        try op.emit { state.buffer.base.assumingMemoryBound(to: UInt32.self).update(from: data.words, count: data.count) }
    }
}
