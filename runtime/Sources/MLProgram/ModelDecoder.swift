/// The outermost message: specification version, description, and the program where the model has one.
struct ModelMessage {
    var specificationVersion: Int64 = 0
    var description = ModelDescription(functions: [], defaultFunction: nil, metadata: [:])
    var program: Program?

    init(from reader: WireReader) throws {
        var reader = reader
        while let field = try reader.nextField() {
            switch field.number {
            case 1: specificationVersion = Int64(bitPattern: try reader.varint(field))
            case 2: description = try ModelDescription(from: reader.message(field))
            case 502: program = try Program(from: reader.message(field))
            default: try reader.skip(field)
            }
        }
    }
}

extension ModelDescription {
    init(from reader: WireReader) throws {
        var reader = reader
        self.init(functions: [], defaultFunction: nil, metadata: [:])
        var main = FunctionDescription(name: "main", inputs: [], outputs: [], states: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: main.inputs.append(try Feature(from: reader.message(field)))
            case 10: main.outputs.append(try Feature(from: reader.message(field)))
            case 13: main.states.append(try Feature(from: reader.message(field)))
            case 20: functions.append(try FunctionDescription(from: reader.message(field)))
            case 21: defaultFunction = try reader.string(field)
            case 100: metadata = try ModelDescription.metadata(reader.message(field))
            default: try reader.skip(field)
            }
        }
        if functions.isEmpty { functions = [main] }
        if defaultFunction?.isEmpty == true { defaultFunction = nil }
    }

    /// Short description, version, author, licence (1, 2, 3, 4) and the map of the writer's own entries (100).
    private static func metadata(_ reader: WireReader) throws -> [String: String] {
        let names: [UInt32: String] = [1: "description", 2: "version", 3: "author", 4: "license"]
        var reader = reader
        var metadata: [String: String] = [:]
        while let field = try reader.nextField() {
            if let name = names[field.number] {
                metadata[name] = try reader.string(field)
            } else if field.number == 100 {
                var entry = try reader.message(field)
                var pair: [UInt32: String] = [:]
                while let field = try entry.nextField() {
                    if field.number <= 2 { pair[field.number] = try entry.string(field) } else { try entry.skip(field) }
                }
                metadata[pair[1] ?? ""] = pair[2] ?? ""
            } else {
                try reader.skip(field)
            }
        }
        return metadata
    }
}

extension ModelDescription.FunctionDescription {
    init(from reader: WireReader) throws {
        var reader = reader
        self.init(name: "", inputs: [], outputs: [], states: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: name = try reader.string(field)
            case 2: inputs.append(try ModelDescription.Feature(from: reader.message(field)))
            case 3: outputs.append(try ModelDescription.Feature(from: reader.message(field)))
            case 6: states.append(try ModelDescription.Feature(from: reader.message(field)))
            default: try reader.skip(field)
            }
        }
    }
}

extension ModelDescription.Feature {
    init(from reader: WireReader) throws {
        var reader = reader
        self.init(name: "", summary: "", type: .other)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: name = try reader.string(field)
            case 2: summary = try reader.string(field)
            case 3: type = try Self.type(reader.message(field))
            default: try reader.skip(field)
            }
        }
    }

    private static func type(_ reader: WireReader) throws -> ModelDescription.FeatureType {
        var reader = reader
        var type = ModelDescription.FeatureType.other
        while let field = try reader.nextField() {
            switch field.number {
            case 5:
                let array = try array(reader.message(field))
                type = .multiArray(shape: array.shape, dataType: array.dataType)
            case 8:
                var state = try reader.message(field)
                while let field = try state.nextField() {
                    guard field.number == 1 else {
                        try state.skip(field)
                        continue
                    }
                    let array = try array(state.message(field))
                    type = .state(shape: array.shape, dataType: array.dataType)
                }
            default: try reader.skip(field)
            }
        }
        return type
    }

    private static func array(_ reader: WireReader) throws -> (shape: [Int], dataType: DataType) {
        // Array data types have numbers of their own: kind in the high half, bits in the low.
        let types: [UInt64: DataType] = [
            65568: .float32, 65600: .float64, 65552: .float16, 131104: .int32, 131080: .int8,
        ]
        var reader = reader
        var shape: [Int] = []
        var code: UInt64 = 65568
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                try reader.numbers(field, unpacked: .varint) {
                    guard let size = Int(exactly: try $0.varint()) else {
                        throw ProgramError(.torn, "a feature dimension out of range")
                    }
                    shape.append(size)
                }
            case 2: code = try reader.varint(field)
            default: try reader.skip(field)
            }
        }
        guard let type = types[code] else { throw ProgramError(.unsupported, "unknown array data type \(code)") }
        return (shape, type)
    }
}
