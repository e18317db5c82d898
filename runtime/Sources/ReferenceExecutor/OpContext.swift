import CKernels
import MLProgram

/// One operation being compiled: its arguments, its results, and the step that computes them.
///
/// An entry of the operation table reads arguments, declares every result once (with the shape that it computes, which is
/// checked against the declared one), and emits at most one step. When all arguments are constants the step runs at once
/// and the results are constants.
final class OpContext {
    let operation: Operation
    let index: Int
    let label: String
    private let builder: FunctionBuilder
    /// Whether all arguments are constants, so that the results are, too.
    let isConstant: Bool
    private var results: [Source?]
    private var written: [Operand] = []

    init(builder: FunctionBuilder, operation: Operation, index: Int, label: String) throws {
        self.builder = builder
        self.operation = operation
        self.index = index
        self.label = label
        results = Array(repeating: nil, count: operation.outputs.count)
        var constant = true
        for binding in operation.inputs.values.joined() {
            guard case .name(let name) = binding else { continue }
            if case .constant = try builder.resolve(name) { continue }
            constant = false
        }
        isConstant = constant
    }

    var pool: ThreadPool { builder.pool }
    var store: ConstantStore { builder.store }
    var numerics: Numerics { builder.numerics }
    var statePlan: StatePlan { builder.statePlan }

    /// Binds the results to their names; every result must have been declared.
    func finish() throws {
        for (position, output) in operation.outputs.enumerated() {
            guard let result = results[position] else { throw ProgramError(.unsupported, "result \(position) is not computed") }
            try builder.bind(output.name, to: result)
        }
    }

    // MARK: arguments

    func sources(_ parameter: String) throws -> [Source]? {
        if let bindings = operation.inputs[parameter] {
            return try bindings.map { binding in
                switch binding {
                case .name(let name): try builder.resolve(name)
                case .value(let value): .constant(try store.constant(value))
                }
            }
        }
        // Operations before iOS 18 keep the parameters of constexpr as attributes.
        return try operation.attributes[parameter].map { [.constant(try store.constant($0))] }
    }

    func has(_ parameter: String) -> Bool {
        operation.inputs[parameter]?.isEmpty == false || operation.attributes[parameter] != nil
    }

    func source(_ parameter: String) throws -> Source {
        guard let all = try sources(parameter), let first = all.first else {
            throw ProgramError(.torn, "parameter \(parameter) is missing")
        }
        guard all.count == 1 else { throw ProgramError(.torn, "parameter \(parameter) has \(all.count) values") }
        return first
    }

    /// The constant that a parameter is bound to, or nil where it is absent or known only at run time.
    func constant(_ parameter: String) throws -> Constant? {
        guard has(parameter), case .constant(let constant) = try source(parameter) else { return nil }
        return constant
    }

    /// The same, for parameters that must be constants.
    func requireConstant(_ parameter: String) throws -> Constant {
        guard let constant = try constant(parameter) else {
            throw ProgramError(.invalid, "parameter \(parameter) must be a constant")
        }
        return constant
    }

    /// The argument as elements that the step reads.
    func operand(_ parameter: String) throws -> Operand { try operand(source(parameter)) }

    func operand(_ source: Source) throws -> Operand {
        switch source {
        case .constant(let constant): return try constant.operand()
        case .runtime(let operand):
            builder.touch(operand.buffer, at: builder.currentStep)
            return operand
        case .state: throw ProgramError(.invalid, "a state where a tensor is needed")
        }
    }

    func optionalOperand(_ parameter: String) throws -> Operand? {
        has(parameter) ? try operand(parameter) : nil
    }

    func float(_ parameter: String, default fallback: Float? = nil) throws -> Float {
        guard has(parameter) else { return try unwrap(fallback, parameter) }
        let constant = try requireConstant(parameter)
        guard constant.count == 1 else { throw ProgramError(.invalid, "parameter \(parameter) must be a scalar") }
        return constant.kind == .float ? try constant.floats()[0] : Float(try constant.ints()[0])
    }

    func int(_ parameter: String, default fallback: Int? = nil) throws -> Int {
        guard has(parameter) else { return try unwrap(fallback, parameter) }
        let values = try requireConstant(parameter).ints()
        guard values.count == 1 else { throw ProgramError(.invalid, "parameter \(parameter) must be a scalar") }
        return values[0]
    }

    func bool(_ parameter: String, default fallback: Bool? = nil) throws -> Bool {
        guard has(parameter) else { return try unwrap(fallback, parameter) }
        return try int(parameter) != 0
    }

    func ints(_ parameter: String) throws -> [Int]? {
        has(parameter) ? try requireConstant(parameter).ints() : nil
    }

    func string(_ parameter: String, default fallback: String? = nil) throws -> String {
        guard has(parameter) else { return try unwrap(fallback, parameter) }
        guard let text = try requireConstant(parameter).string else {
            throw ProgramError(.invalid, "parameter \(parameter) must be text")
        }
        return text
    }

    private func unwrap<T>(_ fallback: T?, _ parameter: String) throws -> T {
        guard let fallback else { throw ProgramError(.torn, "parameter \(parameter) is missing") }
        return fallback
    }

    /// An axis parameter, counted from the front.
    func axis(_ parameter: String, rank: Int, default fallback: Int? = nil) throws -> Int {
        let axis = try int(parameter, default: fallback)
        guard let normalized = Shapes.normalize(axis, rank: rank) else {
            throw ProgramError(.invalid, "axis \(axis) lies outside rank \(rank)")
        }
        return normalized
    }

    /// Axes parameter, counted from the front, ascending and without repeats.
    func axes(_ parameter: String, rank: Int) throws -> [Int]? {
        guard let axes = try ints(parameter) else { return nil }
        let normalized = try axes.map { axis -> Int in
            guard let axis = Shapes.normalize(axis, rank: rank) else {
                throw ProgramError(.invalid, "axis \(axis) lies outside rank \(rank)")
            }
            return axis
        }
        guard Set(normalized).count == normalized.count else { throw ProgramError(.invalid, "axes \(axes) repeat") }
        return normalized.sorted()
    }

    // MARK: results

    /// Declared type and shape of a result.
    func declared(_ position: Int = 0) throws -> (shape: [Int], dataType: DataType) {
        guard operation.outputs.indices.contains(position), case .tensor(let type) = operation.outputs[position].type else {
            throw ProgramError(.torn, "result \(position) is missing or no tensor")
        }
        guard let shape = type.shape else {
            throw ProgramError(.unsupported, "a result of open shape; the executor needs fixed shapes")
        }
        guard type.count != nil else { throw ProgramError(.torn, "a result of shape \(shape), larger than any tensor") }
        return (shape, type.dataType)
    }

    private func check(_ position: Int, _ shape: [Int]) throws -> DataType {
        let declared = try declared(position)
        guard declared.shape == shape else {
            throw ProgramError(.invalid, "computes shape \(shape), the program declares \(declared.shape)")
        }
        return declared.dataType
    }

    /// A result in memory of its own, to be written by the step.
    func output(_ position: Int = 0, shape: [Int]) throws -> Operand {
        let type = try check(position, shape)
        let count = Shapes.count(shape)
        let buffer: Buffer
        if isConstant {
            buffer = Buffer(count: count, home: .constant, base: store.allocate(bytes: count * 4))
        } else {
            buffer = builder.newBuffer(count)
            builder.touch(buffer, at: builder.currentStep)
        }
        let operand = Operand(buffer: buffer, shape: shape, dataType: type)
        written.append(operand)
        results[position] =
            isConstant
            ? .constant(Constant(dataType: type, shape: shape, payload: .dense(buffer.base), store: store)) : .runtime(operand)
        return operand
    }

    /// A result whose kind (float or integer) must be as given.
    func output(_ position: Int = 0, shape: [Int], kind: ElementKind) throws -> Operand {
        let operand = try output(position, shape: shape)
        guard operand.kind == kind else { throw ProgramError(.invalid, "a \(operand.dataType) result of \(kind) arguments") }
        return operand
    }

    /// A result that points into an argument. Only for `StatePlan.viewOperations`.
    func view(_ position: Int = 0, of source: Source, from start: Int = 0, shape: [Int]) throws {
        let type = try check(position, shape)
        switch source {
        case .runtime(let operand):
            guard operand.kind == ElementKind(type) else {
                throw ProgramError(.invalid, "a \(type) view of \(operand.dataType)")
            }
            results[position] = .runtime(operand.sliced(from: start, shape: shape))
        case .constant(let constant):
            guard constant.kind == ElementKind(type) else {
                throw ProgramError(.invalid, "a \(type) view of \(constant.dataType)")
            }
            results[position] = .constant(
                Constant(dataType: type, shape: shape, payload: .dense(try constant.dense() + start * 4), store: store))
        case .state: throw ProgramError(.invalid, "a state where a tensor is needed")
        }
    }

    /// The result is this constant.
    func result(_ position: Int = 0, constant: Constant) throws {
        let declared = try declared(position)
        guard declared.shape == constant.shape, declared.dataType == constant.dataType else {
            throw ProgramError(
                .invalid,
                "is \(constant.dataType) \(constant.shape), the program declares \(declared.dataType) \(declared.shape)")
        }
        results[position] = .constant(constant)
    }

    /// The result is this operand, which some other step owns.
    func result(_ position: Int = 0, operand: Operand) throws {
        _ = try check(position, operand.shape)
        results[position] = .runtime(operand)
    }

    /// Memory for the step alone, of `count` elements.
    func scratch(_ count: Int) -> Operand {
        let buffer: Buffer
        if isConstant {
            buffer = Buffer(count: count, home: .constant, base: store.allocate(bytes: count * 4))
        } else {
            buffer = builder.newBuffer(count)
            builder.touch(buffer, at: builder.currentStep)
        }
        return Operand(buffer: buffer, shape: [count], dataType: .float32)
    }

    /// The state that parameter `input` names.
    func state() throws -> (buffer: Buffer, type: StateType) {
        guard case .state(let index) = try source("input") else { throw ProgramError(.invalid, "needs a state") }
        return (builder.stateBuffers[index], builder.states[index])
    }

    // MARK: the step

    /// Adds the step, or runs it when its arguments are constants. Results declared as fp16 are rounded to it in `storage16`.
    func emit(_ run: @escaping () throws -> Void) throws {
        let rounded = numerics == .storage16 ? written.filter { $0.dataType == .float16 && $0.count > 0 } : []
        let all: () throws -> Void =
            rounded.isEmpty
            ? run
            : {
                try run()
                for operand in rounded { ck_apply(CK_ROUND_F16, operand.floats, operand.floats, Int64(operand.count)) }
            }
        if isConstant { try all() } else { builder.append(Step(label: label, run: all)) }
    }
}
