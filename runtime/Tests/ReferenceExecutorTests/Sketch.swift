@testable import MLProgram
@testable import ReferenceExecutor

/// Functions written down in a test, without a package: values of a few operations by hand.
struct Sketch {
    private var function = Function(
        inputs: [], opset: "CoreML8", blocks: ["CoreML8": Block(inputs: [], outputs: [], operations: [])])

    static func type(_ shape: [Int], _ dataType: DataType = .float32) -> ValueType {
        .tensor(TensorType(dataType: dataType, dimensions: shape))
    }

    mutating func input(_ name: String, _ shape: [Int], _ dataType: DataType = .float32) {
        function.inputs.append(.init(name: name, type: Self.type(shape, dataType)))
    }

    mutating func state(_ name: String, _ shape: [Int]) {
        function.inputs.append(.init(name: name, type: .state(Self.type(shape))))
    }

    mutating func constant(_ name: String, ints: [Int32], shape: [Int]? = nil) {
        let type = Self.type(shape ?? [ints.count], .int32)
        add("const", name, type, [:], ["val": Value(type: type, content: .ints(ints))])
    }

    mutating func constant(_ name: String, bool: Bool) {
        let type = Self.type([], .bool)
        add("const", name, type, [:], ["val": Value(type: type, content: .bools([bool]))])
    }

    mutating func constant(_ name: String, text: String) {
        let type = Self.type([], .string)
        add("const", name, type, [:], ["val": Value(type: type, content: .strings([text]))])
    }

    mutating func write(_ value: String, to state: String) {
        add("write_state", nil, Self.type([]), ["input": [.name(state)], "data": [.name(value)]], [:])
    }

    /// An operation of one result whose arguments are names.
    mutating func operation(
        _ type: String, _ result: String, _ shape: [Int], _ inputs: [String: [String]], _ dataType: DataType = .float32
    ) {
        add(type, result, Self.type(shape, dataType), inputs.mapValues { $0.map { .name($0) } }, [:])
    }

    /// topk and the like: floats first, then their places.
    mutating func operation(_ type: String, _ results: [String], _ shape: [Int], _ inputs: [String: [String]]) {
        let outputs = zip(results, [DataType.float32, .int32]).map { Function.Input(name: $0, type: Self.type(shape, $1)) }
        function.blocks["CoreML8"]!.operations.append(
            Operation(
                type: type, inputs: inputs.mapValues { $0.map { .name($0) } }, outputs: outputs, blocks: [], attributes: [:]))
    }

    private mutating func add(
        _ type: String, _ result: String?, _ valueType: ValueType, _ inputs: [String: [Operation.Binding]],
        _ attributes: [String: Value]
    ) {
        function.blocks["CoreML8"]!.operations.append(
            Operation(
                type: type, inputs: inputs, outputs: result.map { [.init(name: $0, type: valueType)] } ?? [], blocks: [],
                attributes: attributes))
    }

    func block(_ outputs: [String]) -> Block {
        var block = function.blocks["CoreML8"]!
        block.outputs = outputs
        return block
    }

    func compile(_ outputs: [String], numerics: Numerics = .float32) throws -> CompiledFunction {
        var function = function
        function.blocks["CoreML8"]!.outputs = outputs
        return try CompiledFunction(
            name: "sketch", function: function, numerics: numerics, pool: ThreadPool(threads: 1),
            store: ConstantStore(weights: nil))
    }
}
