/// Type of a value in a program.
public indirect enum ValueType: Sendable, Equatable {
    case tensor(TensorType)
    case list(ValueType)
    case tuple([ValueType])
    case dictionary(key: ValueType, value: ValueType)
    /// A buffer that lives between calls, of the wrapped type.
    case state(ValueType)

    /// The tensor type, of a tensor itself or of the state that wraps it.
    public var tensor: TensorType? {
        switch self {
        case .tensor(let type): type
        case .state(let wrapped): wrapped.tensor
        default: nil
        }
    }
}

/// Element type and shape of a tensor. A dimension is nil where the program leaves it open.
public struct TensorType: Sendable, Equatable {
    public var dataType: DataType
    public var dimensions: [Int?]

    public init(dataType: DataType, dimensions: [Int?]) {
        self.dataType = dataType
        self.dimensions = dimensions
    }

    /// All dimensions, or nil when one is open.
    public var shape: [Int]? {
        let known = dimensions.compactMap { $0 }
        return known.count == dimensions.count ? known : nil
    }

    /// More elements than this are taken for damage: no tensor of a model for a phone comes near.
    public static let maximumCount = 1 << 31

    /// Number of elements, or nil when a dimension is open or the product is beyond `maximumCount`.
    public var count: Int? {
        guard let shape else { return nil }
        var total = 1
        for size in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            if overflow || product < 0 || product > TensorType.maximumCount { return nil }
            total = product
        }
        return total
    }
}

/// A constant in a program: written out in the message, or a place in the weight file.
public struct Value: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case floats([Float])
        case doubles([Double])
        case ints([Int32])
        case longs([Int64])
        case bools([Bool])
        case strings([String])
        /// Little-endian elements of 8 and 16 bit types and packed sub-byte types.
        case bytes([UInt8])
        case tuple([Value])
        case list([Value])
        case dictionary([Value.Entry])
        /// Offset of the metadata record in the weight file.
        case blob(file: String, offset: UInt64)
    }

    public struct Entry: Sendable, Equatable {
        public var key: Value
        public var value: Value
    }

    public var type: ValueType
    public var content: Content

    public init(type: ValueType, content: Content) {
        self.type = type
        self.content = content
    }

    /// The text of a scalar string; nil for anything else.
    public var string: String? {
        if case .strings(let values) = content, values.count == 1 { values[0] } else { nil }
    }
}
