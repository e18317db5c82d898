#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A file mapped read-only into memory. The mapping lives as long as this object; pointers into it must not outlive it.
///
/// Whoever truncates the file meanwhile makes later reads fault, as with every mapping; packages are not changed in place.
public final class MappedFile: @unchecked Sendable {
    public let path: String
    /// The whole file.
    public let bytes: UnsafeRawBufferPointer

    /// Maps the file at `path`. Throws `unreadable` with the system's reason.
    public init(path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MappedFile.failure(path, "cannot open") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw MappedFile.failure(path, "cannot stat") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw ProgramError(.unreadable, file: path, "is not a file") }
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw MappedFile.failure(path, "cannot map")
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }

    private static func failure(_ path: String, _ what: String) -> ProgramError {
        ProgramError(.unreadable, file: path, "\(what): \(String(cString: strerror(errno)))")
    }
}
