import MLProgram

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a model keeps between calls: one block of memory per state, zeros at first. Shared by all functions of the model.
public final class ReferenceState: @unchecked Sendable {
    fileprivate let memory: [String: UnsafeMutableBufferPointer<UInt32>]
    fileprivate let types: [StateType]

    fileprivate init(_ types: [StateType]) {
        self.types = types
        var memory: [String: UnsafeMutableBufferPointer<UInt32>] = [:]
        for type in types {
            let block = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: max(1, Shapes.count(type.shape)))
            block.initialize(repeating: 0)
            memory[type.name] = block
        }
        self.memory = memory
    }

    deinit {
        for block in memory.values { block.deallocate() }
    }

    /// Names of the states, sorted.
    public var names: [String] { memory.keys.sorted() }

    /// A copy of a state's contents; nil when the model has no such state. Not to be called while a function runs on it.
    public func tensor(_ name: String) -> Tensor? {
        guard let type = types.first(where: { $0.name == name }), let block = memory[name] else { return nil }
        let words = block.prefix(Shapes.count(type.shape))
        let elements: Tensor.Elements =
            ElementKind(type.dataType) == .float
            ? .floats(words.map { Float(bitPattern: $0) }) : .ints(words.map { Int32(bitPattern: $0) })
        return Tensor(shape: type.shape, dataType: type.dataType, elements: elements)
    }
}

/// An ML program compiled for this machine's CPU: it stands in for Core ML where Core ML cannot run.
///
/// In: a package that `ProgramPackage` has read. Out: results of its functions. It proves what a program computes; how fast
/// or on which unit a phone runs it, it cannot tell. Weights stay in the mapped file, packed as they are.
public final class ReferenceModel: @unchecked Sendable {
    /// Compiled functions by name. Guarded by `lock`: others join them, and their arenas hold the values of one call.
    private var functions: [String: CompiledFunction] = [:]
    private var stateTypes: [StateType] = []
    private let lock = CallLock()
    private let store: ConstantStore
    private let pool: ThreadPool
    private let package: ProgramPackage
    public let numerics: Numerics
    /// Threads in use, the caller's included.
    public let threads: Int

    /// Compiles functions of `package`.
    ///
    /// - Parameters:
    ///   - functions: names of those to compile now; nil compiles all. Others are compiled when they are first run.
    ///   - threads: how many to use; nil uses one per core.
    /// - Throws: `ProgramError`: `unsupported` names an operation that the executor lacks, with its function; `invalid`, `torn`
    ///   and `badBlob` say what contradicts what.
    public init(
        _ package: ProgramPackage, functions names: [String]? = nil, numerics: Numerics = .float32, threads: Int? = nil
    ) throws {
        pool = ThreadPool(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        store = ConstantStore(weights: package.weights)
        self.package = package
        self.numerics = numerics
        self.threads = pool.threads
        for name in (names ?? Array(package.program.functions.keys)).sorted() { _ = try compiled(name) }
    }

    /// A function, compiled now if it was not before. To be called under the lock, but for the initialiser.
    private func compiled(_ name: String) throws -> CompiledFunction {
        if let known = functions[name] { return known }
        guard let function = package.program.functions[name] else {
            throw ProgramError(
                .unsupported, "the program has no function \(name); it has \(package.program.functions.keys.sorted())")
        }
        let made = try CompiledFunction(name: name, function: function, numerics: numerics, pool: pool, store: store)
        for type in made.states {
            if let known = stateTypes.first(where: { $0.name == type.name }) {
                guard known == type else {
                    throw ProgramError(.invalid, operation: name, "state \(type.name) differs between functions")
                }
            } else {
                stateTypes.append(type)
            }
        }
        functions[name] = made
        return made
    }

    private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body()
    }

    /// Names of the functions compiled so far, sorted.
    public var functionNames: [String] { locked { functions.keys.sorted() } }

    /// Operations that a function runs, what is constant left out; nil where it is not compiled.
    public func operationCount(of function: String) -> Int? { locked { functions[function]?.steps.count } }

    /// Bytes allocated for unpacked constants and for intermediate values, beside the mapped weights.
    public var allocatedBytes: Int { locked { store.ownedBytes + functions.values.reduce(0) { $0 + $1.arenaBytes } } }

    /// Bytes of one state.
    public var stateBytes: Int { locked { stateTypes.reduce(0) { $0 + Shapes.count($1.shape) * 4 } } }

    /// The shape of an input of a function; nil when there is no such function or input.
    public func inputShape(_ input: String, of function: String) -> [Int]? {
        package.program.functions[function]?.inputs.first { $0.name == input }?.type.tensor?.shape
    }

    /// A new state, all zeros.
    public func makeState() -> ReferenceState { ReferenceState(locked { stateTypes }) }

    /// Runs a function. Calls from several threads wait for each other.
    ///
    /// - Parameters:
    ///   - inputs: all inputs by name, with the declared shapes.
    ///   - state: from this model's `makeState`; may be nil for a function without states.
    /// - Throws: `ProgramError.badInput` for inputs that do not fit, or an index out of range.
    public func run(_ function: String, _ inputs: [String: Tensor], state: ReferenceState? = nil) throws -> [String: Tensor] {
        try locked {
            let compiled = try compiled(function)
            let pointers = try compiled.states.map { type -> UnsafeMutableRawPointer in
                guard let state, state.types.contains(type), let block = state.memory[type.name]?.baseAddress else {
                    throw ProgramError(.badInput, operation: function, "needs the state \(type.name) of this model")
                }
                return UnsafeMutableRawPointer(block)
            }
            return try withExtendedLifetime(state) { try compiled.run(inputs, states: pointers) }
        }
    }
}
