/// Program messages -> typed tree. Unknown fields are skipped, as the format demands of a reader.
extension Program {
    init(from reader: WireReader) throws {
        var reader = reader
        var version: Int64 = 0
        var functions: [String: Function] = [:]
        while let field = try reader.nextField() {
            switch field.number {
            case 1: version = Int64(bitPattern: try reader.varint(field))
            case 2:
                let entry = try mapEntry(reader.message(field)) { try Function(from: $0) }
                functions[entry.key] = entry.value
            default: try reader.skip(field)
            }
        }
        self.init(version: version, functions: functions)
    }
}

/// A map entry `{key = 1, value = 2}`. A missing value decodes as an empty message, as the format says.
func mapEntry<T>(_ reader: WireReader, _ decode: (WireReader) throws -> T) throws -> (key: String, value: T) {
    var reader = reader
    var key = ""
    var value: WireReader?
    while let field = try reader.nextField() {
        switch field.number {
        case 1: key = try reader.string(field)
        case 2: value = try reader.message(field)
        default: try reader.skip(field)
        }
    }
    return (key, try decode(value ?? WireReader(UnsafeRawBufferPointer(start: nil, count: 0))))
}

extension Function {
    init(from reader: WireReader) throws {
        var reader = reader
        self.init(inputs: [], opset: "", blocks: [:])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: inputs.append(try Input(from: reader.message(field)))
            case 2: opset = try reader.string(field)
            case 3:
                let entry = try mapEntry(reader.message(field)) { try Block(from: $0) }
                blocks[entry.key] = entry.value
            default: try reader.skip(field)
            }
        }
    }
}

extension Function.Input {
    init(from reader: WireReader) throws {
        var reader = reader
        var name = ""
        var type: ValueType?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: name = try reader.string(field)
            case 2: type = try ValueType(from: reader.message(field))
            default: try reader.skip(field)
            }
        }
        guard let type else { throw ProgramError(.torn, "value \(name) has no type") }
        self.init(name: name, type: type)
    }
}

extension Block {
    init(from reader: WireReader) throws {
        var reader = reader
        self.init(inputs: [], outputs: [], operations: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: inputs.append(try Function.Input(from: reader.message(field)))
            case 2: outputs.append(try reader.string(field))
            case 3: operations.append(try Operation(from: reader.message(field)))
            default: try reader.skip(field)
            }
        }
    }
}

extension Operation {
    init(from reader: WireReader) throws {
        var reader = reader
        self.init(type: "", inputs: [:], outputs: [], blocks: [], attributes: [:])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: type = try reader.string(field)
            case 2:
                let entry = try mapEntry(reader.message(field)) { try Operation.bindings(from: $0) }
                inputs[entry.key] = entry.value
            case 3: outputs.append(try Function.Input(from: reader.message(field)))
            case 4: blocks.append(try Block(from: reader.message(field)))
            case 5:
                let entry = try mapEntry(reader.message(field)) { try Value(from: $0) }
                attributes[entry.key] = entry.value
            default: try reader.skip(field)
            }
        }
        guard !type.isEmpty else { throw ProgramError(.torn, "an operation without a type") }
    }

    private static func bindings(from reader: WireReader) throws -> [Binding] {
        var reader = reader
        var bindings: [Binding] = []
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.skip(field)
                continue
            }
            var inner = try reader.message(field)
            var binding: Binding?
            while let field = try inner.nextField() {
                switch field.number {
                case 1: binding = .name(try inner.string(field))
                case 2: binding = .value(try Value(from: inner.message(field)))
                default: try inner.skip(field)
                }
            }
            guard let binding else { throw ProgramError(.torn, "an argument bound to nothing") }
            bindings.append(binding)
        }
        return bindings
    }
}
