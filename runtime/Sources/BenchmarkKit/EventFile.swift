#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where event lines go. The file on disk is one; tests have others.
public protocol EventOutput: AnyObject, Sendable {
    /// Appends one line, newline included, so that it survives the end of this process.
    func append(_ line: [UInt8]) throws
}

/// The record could not be written: disk full, or the folder is gone.
public struct RecordError: Error, Sendable, Equatable, CustomStringConvertible {
    public var path: String
    /// errno.
    public var number: Int32

    public init(path: String, number: Int32) {
        self.path = path
        self.number = number
    }

    public var description: String { "\(path): \(String(cString: strerror(number)))" }
}

/// events.jsonl, opened for append and never truncated. Every line is one write, so that a crash of the app loses no
/// line that was appended; only a crash of the whole system could, and then the host's copy remains.
public final class EventFile: EventOutput {
    private let path: String
    private let descriptor: Int32

    public init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw RecordError(path: path, number: errno) }
    }

    deinit { close(descriptor) }

    public func append(_ line: [UInt8]) throws {
        try line.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
                if count > 0 { done += count } else if errno != EINTR { throw RecordError(path: path, number: errno) }
            }
        }
    }
}
