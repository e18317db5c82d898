import CKernels
import MLProgram

/// What a name in a function stands for while it is compiled.
enum Source {
    case constant(Constant)
    case runtime(Operand)
    /// A state, by index.
    case state(Int)
}

/// One step of a compiled function.
struct Step {
    /// `function/operation`, for errors.
    let label: String
    let run: () throws -> Void
}

/// A state of a function: name, and the shape that every function using it must agree on.
struct StateType: Equatable {
    var name: String
    var shape: [Int]
    var dataType: DataType
}

/// Compiles one function: resolves names, folds constants, asks the table for a step per operation, and records which
/// step touches which buffer.
final class FunctionBuilder {
    let name: String
    let numerics: Numerics
    let pool: ThreadPool
    let store: ConstantStore
    let statePlan: StatePlan

    private(set) var steps: [Step] = []
    private(set) var states: [StateType] = []
    private(set) var stateBuffers: [Buffer] = []
    private(set) var inputs: [(name: String, operand: Operand)] = []
    private(set) var buffers: [Buffer] = []
    private var names: [String: Source] = [:]

    init(name: String, function: Function, numerics: Numerics, pool: ThreadPool, store: ConstantStore) throws {
        self.name = name
        self.numerics = numerics
        self.pool = pool
        self.store = store
        guard let body = function.body else {
            throw ProgramError(.unsupported, operation: name, "no block for opset \(function.opset)")
        }
        var stateNames: Set<String> = []
        for input in function.inputs {
            if case .state = input.type { stateNames.insert(input.name) }
        }
        statePlan = StatePlan(body, states: stateNames)
        for input in function.inputs { try declare(input) }
        for (index, operation) in body.operations.enumerated() { try compile(operation, index) }
    }

    private func declare(_ input: Function.Input) throws {
        let label = "\(name)/input \(input.name)"
        guard let type = input.type.tensor else { throw ProgramError(.unsupported, operation: label, "type \(input.type)") }
        guard let shape = type.shape, type.count != nil, type.dataType != .string else {
            throw ProgramError(
                .unsupported, operation: label, "open or oversized shape, or text; the executor needs fixed shapes")
        }
        if case .state = input.type {
            let buffer = Buffer(count: Shapes.count(shape), home: .state(states.count))
            names[input.name] = .state(states.count)
            states.append(StateType(name: input.name, shape: shape, dataType: type.dataType))
            stateBuffers.append(buffer)
            return
        }
        let buffer = newBuffer(Shapes.count(shape))
        touch(buffer, at: 0)
        let operand = Operand(buffer: buffer, shape: shape, dataType: type.dataType)
        inputs.append((input.name, operand))
        names[input.name] = .runtime(operand)
    }

    private func compile(_ operation: Operation, _ index: Int) throws {
        let label = "\(name)/\(operation.label)"
        guard let compile = OperationTable.entry(operation.type) else {
            throw ProgramError(.unsupported, operation: label, "unknown operation")
        }
        guard operation.blocks.isEmpty else { throw ProgramError(.unsupported, operation: label, "operations with blocks") }
        do {
            let context = try OpContext(builder: self, operation: operation, index: index, label: label)
            try compile(context)
            try context.finish()
        } catch let error as ProgramError {
            throw error.atOperation(label)
        }
    }

    func resolve(_ name: String) throws -> Source {
        guard let source = names[name] else { throw ProgramError(.torn, "the name \(name) is not defined") }
        return source
    }

    func bind(_ name: String, to source: Source) throws {
        guard names[name] == nil else { throw ProgramError(.torn, "the name \(name) is defined twice") }
        names[name] = source
    }

    func newBuffer(_ count: Int) -> Buffer {
        let buffer = Buffer(count: count, home: .arena)
        buffers.append(buffer)
        return buffer
    }

    /// Number of the step that is being compiled; 0 is the time before the first.
    var currentStep: Int { steps.count + 1 }

    func touch(_ buffer: Buffer, at step: Int) {
        buffer.firstUse = min(buffer.firstUse, step)
        buffer.lastUse = max(buffer.lastUse, step)
    }

    func append(_ step: Step) { steps.append(step) }
}
