import MLProgram

/// A value that enters or leaves a function: shape, declared type, and elements in row-major order.
///
/// Floats of every width are held as `Float`; integers and booleans (0, 1) as `Int32`.
public struct Tensor: Sendable, Equatable {
    public enum Elements: Sendable, Equatable {
        case floats([Float])
        case ints([Int32])
    }

    public var shape: [Int]
    public var dataType: DataType
    public var elements: Elements

    public init(shape: [Int], dataType: DataType, elements: Elements) {
        self.shape = shape
        self.dataType = dataType
        self.elements = elements
    }

    public init(_ floats: [Float], shape: [Int], dataType: DataType = .float32) {
        self.init(shape: shape, dataType: dataType, elements: .floats(floats))
    }

    public init(_ ints: [Int32], shape: [Int], dataType: DataType = .int32) {
        self.init(shape: shape, dataType: dataType, elements: .ints(ints))
    }

    /// The elements of a float tensor; nil for integers.
    public var floats: [Float]? {
        if case .floats(let values) = elements { values } else { nil }
    }

    /// The elements of an integer or boolean tensor; nil for floats.
    public var ints: [Int32]? {
        if case .ints(let values) = elements { values } else { nil }
    }
}

/// How the executor computes.
public enum Numerics: String, Sendable, Codable, CaseIterable {
    /// 32-bit floats throughout, whatever type the program declares.
    case float32
    /// 32-bit arithmetic within an operation, every result rounded to its declared type: shows what fp16 storage loses,
    /// overflow included.
    case storage16
}

/// How an element is held in memory: both take four bytes.
enum ElementKind: Sendable {
    case float
    case int

    init(_ type: DataType) { self = type.isFloat ? .float : .int }
}
