import MLProgram

/// Decides which accesses to states need no copy. Core ML's own compiler turns read, slice_update, write into an update in
/// place; without that, every token would copy the whole cache once per layer.
///
/// A value that `read_state` gives is the state as it was then. It may simply point into the state as long as it is used
/// no later than the state changes. A `slice_update` of such a value whose result is written back may change the state
/// itself, when nothing needs the old contents afterwards.
struct StatePlan {
    /// `read_state` operations (by index) whose result points into the state.
    private(set) var aliasedReads: Set<Int> = []
    /// `slice_update` operations that write into the state itself.
    private(set) var inPlaceUpdates: Set<Int> = []
    /// `write_state` operations that have nothing left to do.
    private(set) var emptyWrites: Set<Int> = []

    /// Operations whose result may point into their operand `x`. Others always give a result of its own.
    static let viewOperations: Set<String> = [
        "reshape", "expand_dims", "squeeze", "identity", "slice_by_index", "slice_by_size", "split", "flatten2d",
    ]

    private let operations: [Operation]
    private var lastUse: [String: Int] = [:]
    private var producer: [String: Int] = [:]

    init(_ block: Block, states: Set<String>) {
        operations = block.operations
        for (index, operation) in operations.enumerated() {
            for name in operation.inputs.values.joined().compactMap(\.name) { lastUse[name] = index }
            for output in operation.outputs { producer[output.name] = index }
        }
        for name in block.outputs { lastUse[name] = operations.count }
        extendThroughViews()
        for state in states { plan(state) }
    }

    /// Whoever uses a view uses what it points into.
    private mutating func extendThroughViews() {
        for operation in operations.reversed() where StatePlan.viewOperations.contains(operation.type) {
            guard let source = operation.inputs["x"]?.first?.name else { continue }
            for output in operation.outputs { lastUse[source] = max(lastUse[source] ?? -1, lastUse[output.name] ?? -1) }
        }
    }

    private struct Write {
        var index: Int
        var data: String
        /// The slice_update that makes the data.
        var update: Int?
        /// Where the state changes.
        var change: Int
    }

    private mutating func plan(_ state: String) {
        let reads = operations.indices.filter {
            operations[$0].type == "read_state" && operations[$0].argument("input") == state && !operations[$0].outputs.isEmpty
        }
        var writes = operations.indices
            .filter { operations[$0].type == "write_state" && operations[$0].argument("input") == state }
            .map { Write(index: $0, data: operations[$0].argument("data") ?? "", update: nil, change: $0) }
        // Values that point into the state, each with the operation that made it.
        var pointing: [String: Int] = [:]
        for index in reads { pointing[operations[index].outputs[0].name] = index }

        for number in writes.indices {
            let write = writes[number]
            let before = number > 0 ? writes[number - 1] : nil
            if let update = candidate(write, pointing, before: before, reads: reads) {
                writes[number].update = update
                writes[number].change = update
                pointing[write.data] = update
            }
        }
        revokeUpdatesUsedTooLong(&writes)
        for write in writes {
            guard let update = write.update else { continue }
            inPlaceUpdates.insert(update)
            emptyWrites.insert(write.index)
        }
        for index in reads {
            let next = writes.first { $0.index > index }?.change ?? Int.max
            if (lastUse[operations[index].outputs[0].name] ?? -1) <= next { aliasedReads.insert(index) }
        }
    }

    /// The slice_update behind a write, when it may work in place: it changes a value that points into the state, which no
    /// one uses later, and the state is neither read nor written between it and the write.
    private func candidate(_ write: Write, _ pointing: [String: Int], before: Write?, reads: [Int]) -> Int? {
        guard let update = producer[write.data], update < write.index, operations[update].type == "slice_update" else {
            return nil
        }
        let operation = operations[update]
        let settled = before?.index ?? -1
        guard let source = operation.argument("x"), let made = pointing[source], made < update, update > settled,
            lastUse[source] == update
        else { return nil }
        // The value was read after the last write, or it is what that write put there in place.
        guard made > settled || before?.update == made else { return nil }
        // What is written must not lie in the state itself.
        guard let content = operation.argument("update"), pointing[root(content)] == nil else { return nil }
        return reads.contains { $0 > update && $0 < write.index } ? nil : update
    }

    /// The value that a chain of views starts from.
    private func root(_ name: String) -> String {
        var name = name
        while let index = producer[name], StatePlan.viewOperations.contains(operations[index].type),
            let source = operations[index].argument("x")
        {
            name = source
        }
        return name
    }

    /// A value updated in place must not be used after the next change of the state; one that is gets its copy back. Going
    /// from the last write to the first, since each decision moves the change before it.
    private func revokeUpdatesUsedTooLong(_ writes: inout [Write]) {
        var again = true
        while again {
            again = false
            for number in writes.indices where writes[number].update != nil {
                let next = number + 1 < writes.count ? writes[number + 1].change : Int.max
                let readsLive = readsStillNeeded(writes, number)
                if (lastUse[writes[number].data] ?? -1) > next || readsLive {
                    writes[number].update = nil
                    writes[number].change = writes[number].index
                    again = true
                    // What built on this value in place now builds on a copy.
                    for later in writes.indices where later > number {
                        if let update = writes[later].update, operations[update].argument("x") == writes[number].data {
                            writes[later].update = nil
                            writes[later].change = writes[later].index
                        }
                    }
                }
            }
        }
    }

    /// Whether a value updated in place earlier is used after this change.
    private func readsStillNeeded(_ writes: [Write], _ number: Int) -> Bool {
        writes[..<number].contains { $0.update != nil && (lastUse[$0.data] ?? -1) > writes[number].change }
    }
}

extension Operation.Binding {
    /// The name, when the argument is bound to one.
    var name: String? {
        if case .name(let name) = self { name } else { nil }
    }
}

extension Operation {
    /// The name that a parameter is bound to, when it is bound to exactly one.
    func argument(_ parameter: String) -> String? {
        inputs[parameter].flatMap { $0.count == 1 ? $0[0].name : nil }
    }
}
