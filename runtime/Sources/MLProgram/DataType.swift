/// Element types of MIL tensors, by their numbers in the program message.
public enum DataType: Int, Sendable, Hashable, CaseIterable {
    case bool = 1
    case string = 2
    case float16 = 10
    case float32 = 11
    case float64 = 12
    case bfloat16 = 13
    case int8 = 21
    case int16 = 22
    case int32 = 23
    case int64 = 24
    case int4 = 25
    case uint8 = 31
    case uint16 = 32
    case uint32 = 33
    case uint64 = 34
    case uint4 = 35
    case uint2 = 36
    case uint1 = 37
    case uint6 = 38
    case uint3 = 39
    case float8E4M3FN = 40
    case float8E5M2 = 41

    /// Bits of one element as stored; nil for strings.
    public var bits: Int? {
        switch self {
        case .string: nil
        case .uint1: 1
        case .uint2: 2
        case .uint3: 3
        case .int4, .uint4: 4
        case .uint6: 6
        case .bool, .int8, .uint8, .float8E4M3FN, .float8E5M2: 8
        case .float16, .bfloat16, .int16, .uint16: 16
        case .float32, .int32, .uint32: 32
        case .float64, .int64, .uint64: 64
        }
    }

    /// Whether values of this type are floating-point numbers.
    public var isFloat: Bool {
        switch self {
        case .float16, .float32, .float64, .bfloat16, .float8E4M3FN, .float8E5M2: true
        default: false
        }
    }

    /// Smallest and largest value of an integer type (bool counts as 0...1); nil for floats, strings and 64 bits unsigned.
    public var integerRange: ClosedRange<Int64>? {
        switch self {
        case .bool, .uint1: 0...1
        case .uint2: 0...3
        case .uint3: 0...7
        case .uint4: 0...15
        case .uint6: 0...63
        case .int4: -8...7
        case .int8: -128...127
        case .uint8: 0...255
        case .int16: -32768...32767
        case .uint16: 0...65535
        case .int32: Int64(Int32.min)...Int64(Int32.max)
        case .uint32: 0...Int64(UInt32.max)
        case .int64: Int64.min...Int64.max
        default: nil
        }
    }

    /// The type that `cast`, `quantize` and their like name as text; nil when the name is unknown.
    public init?(milName: String) {
        switch milName {
        case "bool": self = .bool
        case "fp16", "float16": self = .float16
        case "fp32", "float32", "float": self = .float32
        case "fp64", "float64", "double": self = .float64
        case "int4": self = .int4
        case "uint4": self = .uint4
        case "int8": self = .int8
        case "uint8": self = .uint8
        case "int16": self = .int16
        case "uint16": self = .uint16
        case "int32", "int": self = .int32
        case "uint32": self = .uint32
        case "int64": self = .int64
        case "uint64": self = .uint64
        default: return nil
        }
    }

    /// The code of the weight file for this type; nil where the file has none.
    public var blobCode: UInt32? {
        switch self {
        case .float16: 1
        case .float32: 2
        case .uint8: 3
        case .int8: 4
        case .bfloat16: 5
        case .int16: 6
        case .uint16: 7
        case .int4: 8
        case .uint1: 9
        case .uint2: 10
        case .uint4: 11
        case .uint3: 12
        case .uint6: 13
        case .int32: 14
        case .uint32: 15
        case .float8E4M3FN: 16
        case .float8E5M2: 17
        default: nil
        }
    }
}
