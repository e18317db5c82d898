// A stand-in for Apple's Core ML, for hosts without it: signatures as documented, the reference executor behind them. What
// runs on it shows that our calls fit together and hand over the right numbers; nothing of it says how Core ML behaves.
import Foundation
import MLProgram
import ReferenceExecutor
import Synchronization

public enum MLMultiArrayDataType: Int, Sendable {
    case double = 65600
    case float32 = 65568
    case float16 = 65552
    case int32 = 131104
    case int8 = 131080

    /// The lowest byte of the number says how many bits an element has.
    fileprivate var bytes: Int { (rawValue & 0xFF) / 8 }
}

public final class MLMultiArray {
    public let shape: [NSNumber]
    public let strides: [NSNumber]
    public let dataType: MLMultiArrayDataType
    private let memory: UnsafeMutableRawBufferPointer

    public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
        self.init(shape.map(\.intValue), dataType, spacing: 1)
    }

    /// `spacing` elements lie between neighbours of the last axis: outputs of the Neural Engine may be padded.
    fileprivate init(_ shape: [Int], _ dataType: MLMultiArrayDataType, spacing: Int) {
        var strides = [Int](repeating: spacing, count: shape.count)
        for axis in stride(from: shape.count - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        self.shape = shape.map { NSNumber(value: $0) }
        self.strides = strides.map { NSNumber(value: $0) }
        self.dataType = dataType
        let count = shape.reduce(spacing, *)
        memory = .allocate(byteCount: max(1, count * dataType.bytes), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
    }

    deinit { memory.deallocate() }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(memory))
    }

    public func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R) rethrows -> R {
        try body(memory, strides.map(\.intValue))
    }

    fileprivate var tensor: Tensor {
        let lengths = shape.map(\.intValue)
        let count = lengths.reduce(1, *)
        switch dataType {
        case .int32: return Tensor(Array(memory.bindMemory(to: Int32.self).prefix(count)), shape: lengths)
        case .float16:
            let halves = memory.bindMemory(to: UInt16.self).prefix(count)
            return Tensor(halves.map { Float(Float16(bitPattern: $0)) }, shape: lengths, dataType: .float16)
        default: return Tensor(Array(memory.bindMemory(to: Float.self).prefix(count)), shape: lengths)
        }
    }

    fileprivate convenience init(_ tensor: Tensor, spacing: Int) {
        let type: MLMultiArrayDataType = tensor.ints != nil ? .int32 : tensor.dataType == .float16 ? .float16 : .float32
        self.init(tensor.shape, type, spacing: spacing)
        for (index, value) in (tensor.ints ?? []).enumerated() { memory.bindMemory(to: Int32.self)[index * spacing] = value }
        for (index, value) in (tensor.floats ?? []).enumerated() {
            if type == .float16 {
                memory.bindMemory(to: UInt16.self)[index * spacing] = Float16(value).bitPattern
            } else {
                memory.bindMemory(to: Float.self)[index * spacing] = value
            }
        }
    }
}

public final class MLFeatureValue {
    public let multiArrayValue: MLMultiArray?
    public init(multiArray: MLMultiArray) { multiArrayValue = multiArray }
}

public protocol MLFeatureProvider {
    var featureNames: Set<String> { get }
    func featureValue(for name: String) -> MLFeatureValue?
}

public final class MLDictionaryFeatureProvider: MLFeatureProvider {
    private let features: [String: MLFeatureValue]
    public init(dictionary: [String: Any]) throws { features = dictionary.compactMapValues { $0 as? MLFeatureValue } }
    public var featureNames: Set<String> { Set(features.keys) }
    public func featureValue(for name: String) -> MLFeatureValue? { features[name] }
}

public enum MLComputeUnits: Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

public final class MLModelConfiguration {
    public var functionName: String?
    public var computeUnits = MLComputeUnits.all
    public init() {}
}

public final class MLPredictionOptions {
    public init() {}
}

/// What tests choose of the stand-in, and see of its use.
public struct StandIn: Sendable {
    /// Elements between neighbours of an output's last axis.
    public var spacing = 1
    /// Whether a state serves all functions of a model; else each function sees one of its own.
    public var sharesStates = true
    /// Where operations would run, by operator.
    public var devices: [String: MLComputeDevice] = [:]
    /// Functions loaded so far, in order.
    public var loads: [String] = []
    public static let current = Mutex(StandIn())

    public init(spacing: Int = 1, sharesStates: Bool = true, devices: [String: MLComputeDevice] = [:]) {
        self.spacing = spacing
        self.sharesStates = sharesStates
        self.devices = devices
    }
}

public final class MLState: @unchecked Sendable {
    private let model: ReferenceModel
    private var states: [String: ReferenceState] = [:]
    fileprivate init(_ model: ReferenceModel) { self.model = model }

    fileprivate func state(for function: String) -> ReferenceState {
        let key = StandIn.current.withLock { $0.sharesStates } ? "" : function
        if let known = states[key] { return known }
        let made = model.makeState()
        states[key] = made
        return made
    }
}

public final class MLModel {
    private let model: ReferenceModel
    private let function: Function
    private let name: String
    /// Models of one compiled package are one model to its states.
    private static let loaded = Mutex<[String: ReferenceModel]>([:])

    private init(_ package: ProgramPackage, _ model: ReferenceModel, _ name: String, _ function: Function) {
        self.model = model
        self.name = name
        self.function = function
    }

    public static func compileModel(at url: URL) async throws -> URL {
        let compiled = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".mlmodelc")
        try FileManager.default.copyItem(at: url, to: compiled)
        return compiled
    }

    public static func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> sending MLModel {
        let package = try ProgramPackage(path: url.path)
        let name = configuration.functionName ?? "main"
        guard let function = package.program.functions[name] else {
            throw CocoaError(.fileReadCorruptFile, userInfo: [NSLocalizedDescriptionKey: "no function \(name)"])
        }
        let model = try loaded.withLock { loaded in
            if let known = loaded[url.path] { return known }
            let made = try ReferenceModel(package, threads: 1)
            loaded[url.path] = made
            return made
        }
        StandIn.current.withLock { $0.loads.append(name) }
        return MLModel(package, model, name, function)
    }

    public func makeState() -> MLState { MLState(model) }

    public func prediction(
        from input: any MLFeatureProvider, using state: MLState, options: MLPredictionOptions
    ) async throws -> any MLFeatureProvider {
        var given: [String: Tensor] = [:]
        for wanted in function.inputs where wanted.type.tensor != nil {
            if case .state = wanted.type { continue }
            guard let array = input.featureValue(for: wanted.name)?.multiArrayValue else {
                throw CocoaError(.featureUnsupported, userInfo: [NSLocalizedDescriptionKey: "no input \(wanted.name)"])
            }
            given[wanted.name] = array.tensor
        }
        let spacing = StandIn.current.withLock { $0.spacing }
        let results = try model.run(name, given, state: state.state(for: name))
        return try MLDictionaryFeatureProvider(
            dictionary: results.mapValues { MLFeatureValue(multiArray: MLMultiArray($0, spacing: spacing)) })
    }
}

// Where operations would run: where the tests say by the operator's name, all others on the Neural Engine.
public enum MLComputeDevice: Sendable { case cpu(Int), gpu(Int), neuralEngine(Int) }

public final class MLComputePlan {
    public struct DeviceUsage: Sendable { public var preferred: MLComputeDevice }
    public struct Cost: Sendable { public var weight: Double }
    public let modelStructure: MLModelStructure
    private init(_ structure: MLModelStructure) { modelStructure = structure }

    public static func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLComputePlan {
        let functions = try ProgramPackage(path: url.path).program.functions.mapValues { function in
            MLModelStructure.Program.Function(block: MLModelStructure.Program.Block(function.body))
        }
        return MLComputePlan(.program(MLModelStructure.Program(functions: functions)))
    }

    public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
        guard operation.operatorName != "const" else { return nil }
        return DeviceUsage(preferred: StandIn.current.withLock { $0.devices[operation.operatorName] } ?? .neuralEngine(0))
    }

    public func estimatedCost(of operation: MLModelStructure.Program.Operation) -> Cost? { nil }
}

public enum MLModelStructure: Sendable {
    case program(Program), unsupported

    public struct Program: Sendable {
        public var functions: [String: Function]
        public struct Function: Sendable { public var block: Block }
        public struct Block: Sendable {
            public var operations: [Operation]
            fileprivate init(_ block: MLProgram.Block?) { operations = (block?.operations ?? []).map(Operation.init) }
        }
        public struct NamedValueType: Sendable { public var name: String }
        public struct Operation: Sendable {
            public var operatorName: String
            public var outputs: [NamedValueType]
            public var blocks: [Block]
            fileprivate init(_ operation: MLProgram.Operation) {
                operatorName = operation.type
                outputs = operation.outputs.map { NamedValueType(name: $0.name) }
                blocks = operation.blocks.map { Block($0) }
            }
        }
    }
}
