#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
#if canImport(os)
import os
#endif

/// What memory the process may still take, so that a model that cannot fit is refused with words rather than killed.
public struct MemoryMeter: Sendable {
    /// Bytes that may still be allocated before the system ends the process; nil where it does not say.
    public let available: @Sendable () -> Int64?
    /// A generation ends with an error when less than this is left, bytes.
    public let floor: Int64

    public init(floor: Int64 = 16 << 20, available: @escaping @Sendable () -> Int64?) {
        self.floor = floor
        self.available = available
    }

    /// iOS: what is left up to the jetsam limit. Linux: what is left up to the address space limit of the process,
    /// where one is set. macOS swaps and does not say.
    public static let system = MemoryMeter {
        #if os(iOS)
        return memoryBelowLimit()
        #elseif os(Linux)
        return addressSpaceLeft()
        #else
        return nil
        #endif
    }

    func checkFloor() throws {
        if let left = available(), left < floor { throw RuntimeError.outOfMemory(needed: floor, available: left) }
    }

    func check(_ needed: Int64) throws {
        if let left = available(), left < needed + floor {
            throw RuntimeError.outOfMemory(needed: needed + floor, available: left)
        }
    }
}

/// Bytes up to the jetsam limit of the process; nil where there is none or the system does not say.
package func memoryBelowLimit() -> Int64? {
    #if os(iOS)
    return memoryBelowLimit(reported: os_proc_available_memory())
    #else
    return nil
    #endif
}

/// What `os_proc_available_memory` says by `reported`, bytes. It returns 0 to a process that is no app and has no limit
/// (os/proc.h): that is no reading. An app with nothing left has been ended.
package func memoryBelowLimit(reported: Int) -> Int64? { reported > 0 ? Int64(reported) : nil }

#if os(Linux)
private func addressSpaceLeft() -> Int64? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < UInt64(Int64.max) else {
        return nil
    }
    guard let file = fopen("/proc/self/statm", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return nil }
    return Int64(limit.rlim_cur) - strtoll(line, nil, 10) * Int64(sysconf(Int32(_SC_PAGESIZE)))
}
#endif
