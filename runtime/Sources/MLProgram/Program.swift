/// An ML program: named functions over one weight file. Plain values, as the file has them; nothing is checked beyond
/// the form of the messages.
public struct Program: Sendable, Equatable {
    public var version: Int64
    public var functions: [String: Function]
}

/// A function of a program: inputs, and a body for each set of operations that it was written for.
public struct Function: Sendable, Equatable {
    public struct Input: Sendable, Equatable {
        public var name: String
        public var type: ValueType
    }

    /// Parameters in order; states are among them, with a state type.
    public var inputs: [Input]
    /// For example "CoreML8".
    public var opset: String
    public var blocks: [String: Block]

    /// The block of the function's own opset, or the only one.
    public var body: Block? {
        blocks[opset] ?? (blocks.count == 1 ? blocks.first?.value : nil)
    }
}

/// Operations in order, with the values that come in and go out.
public struct Block: Sendable, Equatable {
    public var inputs: [Function.Input]
    /// Names of the values that leave the block.
    public var outputs: [String]
    /// In topological order.
    public var operations: [Operation]
}

/// One operation: its type, its arguments and the values it makes.
public struct Operation: Sendable, Equatable {
    public enum Binding: Sendable, Equatable {
        case name(String)
        case value(Value)
    }

    /// "matmul", "const", …
    public var type: String
    /// Arguments by parameter name; a tuple parameter has several bindings.
    public var inputs: [String: [Binding]]
    public var outputs: [Function.Input]
    public var blocks: [Block]
    public var attributes: [String: Value]

    /// `type name`, for messages to people.
    public var label: String {
        let name = attributes["name"]?.string ?? outputs.first?.name
        return name.map { "\(type) \($0)" } ?? type
    }
}
