/// What the model message says besides the program: version, features of each function, metadata.
public struct ModelDescription: Sendable, Equatable {
    public enum FeatureType: Sendable, Equatable {
        /// A tensor by shape and element type.
        case multiArray(shape: [Int], dataType: DataType)
        case state(shape: [Int], dataType: DataType)
        /// Images, dictionaries and other features that language models do not use.
        case other
    }

    public struct Feature: Sendable, Equatable {
        public var name: String
        public var summary: String
        public var type: FeatureType
    }

    public struct FunctionDescription: Sendable, Equatable {
        public var name: String
        public var inputs: [Feature]
        public var outputs: [Feature]
        public var states: [Feature]
    }

    /// One entry per function; a model of one function has the single entry "main".
    public var functions: [FunctionDescription]
    public var defaultFunction: String?
    /// Author, version and the like, and what the writer added.
    public var metadata: [String: String]

    /// The description of a function, or nil.
    public func function(_ name: String) -> FunctionDescription? {
        functions.first { $0.name == name }
    }
}
