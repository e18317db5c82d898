import CKernels
import MLProgram

/// A function ready to run: steps over an arena of its own. One call at a time, which `ReferenceModel` sees to.
final class CompiledFunction {
    let name: String
    let inputs: [(name: String, operand: Operand)]
    let outputs: [(name: String, source: Source)]
    let states: [StateType]
    let steps: [Step]
    /// Bytes of memory for intermediate values.
    let arenaBytes: Int
    private let stateBuffers: [Buffer]
    private let arena: UnsafeMutableRawPointer
    /// Owns the constants that steps point to.
    private let store: ConstantStore

    init(name: String, function: Function, numerics: Numerics, pool: ThreadPool, store: ConstantStore) throws {
        let builder = try FunctionBuilder(name: name, function: function, numerics: numerics, pool: pool, store: store)
        self.name = name
        self.store = store
        inputs = builder.inputs
        states = builder.states
        steps = builder.steps
        stateBuffers = builder.stateBuffers
        var outputs: [(name: String, source: Source)] = []
        for output in function.body?.outputs ?? [] {
            let source = try builder.resolve(output)
            // Results are read after the last step.
            if case .runtime(let operand) = source { builder.touch(operand.buffer, at: builder.currentStep) }
            outputs.append((output, source))
        }
        self.outputs = outputs

        let plan = MemoryPlan.place(builder.buffers)
        arenaBytes = plan.size
        arena = UnsafeMutableRawPointer.allocate(byteCount: max(plan.size, 64), alignment: MemoryPlan.alignment)
        arena.initializeMemory(as: UInt8.self, repeating: 0, count: max(plan.size, 64))
        for (buffer, offset) in zip(builder.buffers, plan.offsets) { buffer.base = arena + offset }
    }

    deinit { arena.deallocate() }

    /// Runs the function. Inputs by name, all of them; `statePointers` in the order of `states`.
    func run(_ given: [String: Tensor], states statePointers: [UnsafeMutableRawPointer]) throws -> [String: Tensor] {
        for (name, operand) in inputs {
            guard let tensor = given[name] else {
                throw ProgramError(.badInput, operation: self.name, "input \(name) is missing")
            }
            try copy(tensor, to: operand, name)
        }
        for (buffer, pointer) in zip(stateBuffers, statePointers) { buffer.base = pointer }
        for step in steps {
            do {
                try step.run()
            } catch let error as ProgramError {
                throw error.atOperation(step.label)
            }
        }
        var results: [String: Tensor] = [:]
        for (name, source) in outputs { results[name] = try tensor(source) }
        return results
    }

    private func copy(_ tensor: Tensor, to operand: Operand, _ name: String) throws {
        func wrong(_ what: String) -> ProgramError { ProgramError(.badInput, operation: self.name, "input \(name) \(what)") }
        guard tensor.shape == operand.shape else {
            throw wrong("has shape \(tensor.shape), the function takes \(operand.shape)")
        }
        switch (tensor.elements, operand.kind) {
        case (.floats(let values), .float):
            guard values.count == operand.count else { throw wrong("has \(values.count) elements") }
            operand.floats.update(from: values, count: values.count)
        case (.ints(let values), .int):
            guard values.count == operand.count else { throw wrong("has \(values.count) elements") }
            operand.ints.update(from: values, count: values.count)
        default: throw wrong("is of another type than \(operand.dataType)")
        }
    }

    private func tensor(_ source: Source) throws -> Tensor {
        let operand: Operand
        switch source {
        case .runtime(let runtime): operand = runtime
        case .constant(let constant): operand = try constant.operand()
        case .state: throw ProgramError(.unsupported, operation: name, "returns a state")
        }
        let elements: Tensor.Elements =
            operand.kind == .float
            ? .floats(Array(UnsafeBufferPointer(start: operand.floats, count: operand.count)))
            : .ints(Array(UnsafeBufferPointer(start: operand.ints, count: operand.count)))
        return Tensor(shape: operand.shape, dataType: operand.dataType, elements: elements)
    }
}
