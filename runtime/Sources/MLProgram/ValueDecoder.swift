/// Type and value messages -> `ValueType`, `Value`.
extension ValueType {
    init(from reader: WireReader) throws {
        var reader = reader
        var type: ValueType?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: type = .tensor(try TensorType(from: reader.message(field)))
            case 2: type = .list(try ValueType.wrapped(reader.message(field)))
            case 3: type = .tuple(try ValueType.all(reader.message(field)))
            case 4:
                let pair = try ValueType.pair(reader.message(field))
                type = .dictionary(key: pair.0, value: pair.1)
            case 5: type = .state(try ValueType.wrapped(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        guard let type else { throw ProgramError(.torn, "a type message that names no type") }
        self = type
    }

    /// Field 1 of a list or state type.
    private static func wrapped(_ reader: WireReader) throws -> ValueType {
        guard let type = try all(reader).first else { throw ProgramError(.torn, "a list or state of nothing") }
        return type
    }

    private static func all(_ reader: WireReader) throws -> [ValueType] {
        var reader = reader
        var types: [ValueType] = []
        while let field = try reader.nextField() {
            if field.number == 1 { types.append(try ValueType(from: reader.message(field))) } else { try reader.skip(field) }
        }
        return types
    }

    private static func pair(_ reader: WireReader) throws -> (ValueType, ValueType) {
        var reader = reader
        var key: ValueType?
        var value: ValueType?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: key = try ValueType(from: reader.message(field))
            case 2: value = try ValueType(from: reader.message(field))
            default: try reader.skip(field)
            }
        }
        guard let key, let value else { throw ProgramError(.torn, "a dictionary type without key or value") }
        return (key, value)
    }
}

extension TensorType {
    init(from reader: WireReader) throws {
        var reader = reader
        var code: UInt64 = 0
        var rank: Int64?
        var dimensions: [Int?] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: code = try reader.varint(field)
            case 2: rank = Int64(bitPattern: try reader.varint(field))
            case 3: dimensions.append(try TensorType.dimension(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        guard let known = Int(exactly: code), let type = DataType(rawValue: known) else {
            throw ProgramError(.unsupported, "unknown data type \(code)")
        }
        if let rank, rank >= 0, rank != dimensions.count {
            throw ProgramError(.torn, "a tensor of rank \(rank) with \(dimensions.count) dimensions")
        }
        self.init(dataType: type, dimensions: dimensions)
    }

    private static func dimension(_ reader: WireReader) throws -> Int? {
        var reader = reader
        var size: Int? = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                var constant = try reader.message(field)
                var value: UInt64 = 0
                while let field = try constant.nextField() {
                    if field.number == 1 { value = try constant.varint(field) } else { try constant.skip(field) }
                }
                guard value <= 1 << 40 else { throw ProgramError(.torn, "a dimension of \(value) elements") }
                size = Int(value)
            case 2:
                try reader.skip(field)
                size = nil
            default: try reader.skip(field)
            }
        }
        return size
    }
}

extension Value {
    init(from reader: WireReader) throws {
        var reader = reader
        var type: ValueType?
        var content: Content?
        while let field = try reader.nextField() {
            switch field.number {
            case 2: type = try ValueType(from: reader.message(field))
            case 3: content = try Value.immediate(reader.message(field))
            case 5: content = try Value.blob(reader.message(field))
            default: try reader.skip(field)
            }
        }
        guard let type else { throw ProgramError(.torn, "a constant without a type") }
        // An empty tensor may be written as a message with no field set.
        self.init(type: type, content: content ?? .ints([]))
    }

    private static func blob(_ reader: WireReader) throws -> Content {
        var reader = reader
        var file = ""
        var offset: UInt64 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: file = try reader.string(field)
            case 2: offset = try reader.varint(field)
            default: try reader.skip(field)
            }
        }
        return .blob(file: file, offset: offset)
    }

    private static func immediate(_ reader: WireReader) throws -> Content? {
        var reader = reader
        var content: Content?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: content = try tensor(reader.message(field))
            case 2: content = .tuple(try values(reader.message(field)))
            case 3: content = .list(try values(reader.message(field)))
            case 4: content = .dictionary(try entries(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        return content
    }

    private static func values(_ reader: WireReader) throws -> [Value] {
        var reader = reader
        var values: [Value] = []
        while let field = try reader.nextField() {
            if field.number == 1 { values.append(try Value(from: reader.message(field))) } else { try reader.skip(field) }
        }
        return values
    }

    private static func entries(_ reader: WireReader) throws -> [Entry] {
        var reader = reader
        var entries: [Entry] = []
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.skip(field)
                continue
            }
            var inner = try reader.message(field)
            var key: Value?
            var value: Value?
            while let field = try inner.nextField() {
                switch field.number {
                case 1: key = try Value(from: inner.message(field))
                case 2: value = try Value(from: inner.message(field))
                default: try inner.skip(field)
                }
            }
            guard let key, let value else { throw ProgramError(.torn, "a dictionary entry without key or value") }
            entries.append(Entry(key: key, value: value))
        }
        return entries
    }

    private static func tensor(_ reader: WireReader) throws -> Content? {
        var reader = reader
        var content: Content?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: content = .floats(try repeated(reader.message(field), .fixed32) { Float(bitPattern: try $0.fixed32()) })
            case 2:
                content = .ints(try repeated(reader.message(field), .varint) { Int32(truncatingIfNeeded: try $0.varint()) })
            case 3: content = .bools(try repeated(reader.message(field), .varint) { try $0.varint() != 0 })
            case 4: content = .strings(try strings(reader.message(field)))
            case 5: content = .longs(try repeated(reader.message(field), .varint) { Int64(bitPattern: try $0.varint()) })
            case 6: content = .doubles(try repeated(reader.message(field), .fixed64) { Double(bitPattern: try $0.fixed64()) })
            case 7: content = .bytes(try bytes(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        return content
    }

    /// Field 1 of a `Repeated…` message.
    private static func repeated<T>(
        _ reader: WireReader, _ type: WireReader.WireType, _ decode: (inout WireReader) throws -> T
    ) throws -> [T] {
        var reader = reader
        var values: [T] = []
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.skip(field)
                continue
            }
            try reader.numbers(field, unpacked: type) { values.append(try decode(&$0)) }
        }
        return values
    }

    private static func strings(_ reader: WireReader) throws -> [String] {
        var reader = reader
        var values: [String] = []
        while let field = try reader.nextField() {
            if field.number == 1 { values.append(try reader.string(field)) } else { try reader.skip(field) }
        }
        return values
    }

    private static func bytes(_ reader: WireReader) throws -> [UInt8] {
        var reader = reader
        var values: [UInt8] = []
        while let field = try reader.nextField() {
            if field.number == 1 { values = Array(try reader.bytes(field)) } else { try reader.skip(field) }
        }
        return values
    }
}
