/// Why a model package could not be read or run: which file, which operation, what is wrong.
///
/// It is the one error type of the reader and of the reference executor, so that a caller can show one line to a
/// person and still branch on `kind`.
public struct ProgramError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable, Equatable {
        /// A file is missing or cannot be opened or mapped.
        case unreadable
        /// The package or a message in it is cut off, inconsistent or not of the expected form.
        case torn
        /// The weight file breaks the storage rules: version, sentinel, offsets or sizes.
        case badBlob
        /// A feature that this reader or executor does not know: specification version, data type, operation, mode.
        case unsupported
        /// Shapes, types or arguments of an operation contradict each other.
        case invalid
        /// A value given at run time is out of range: a token id, a cache slot, an index.
        case badInput
    }

    public var kind: Kind
    /// The file, relative to the package where possible; nil when the fault lies in the program itself.
    public var file: String?
    /// `function/operation-type name`, when one operation is at fault.
    public var operation: String?
    public var reason: String

    public init(_ kind: Kind, file: String? = nil, operation: String? = nil, _ reason: String) {
        self.kind = kind
        self.file = file
        self.operation = operation
        self.reason = reason
    }

    public var description: String {
        var parts: [String] = []
        if let file { parts.append(file) }
        if let operation { parts.append(operation) }
        parts.append(reason)
        return parts.joined(separator: ": ")
    }

    /// The same error with the file named, unless a more precise place was named already.
    public func inFile(_ name: String) -> ProgramError {
        var copy = self
        copy.file = copy.file ?? name
        return copy
    }

    /// The same error with the operation named, unless a more precise one was named already.
    public func atOperation(_ name: String) -> ProgramError {
        var copy = self
        copy.operation = copy.operation ?? name
        return copy
    }
}
