#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import LanguageRuntime

/// The process's own memory, as the system that may end it counts.
public struct MemoryReading: Sendable, Equatable {
    /// Apple: phys_footprint, what jetsam looks at. Linux: anonymous resident pages and swap, its nearest likeness:
    /// pages that are mapped from a file are in neither.
    public var footprint: Int64
    /// Highest footprint of the process so far, as the kernel's ledger has it: it misses nothing between two looks. nil
    /// where the system keeps none.
    public var peak: Int64?
    /// What may still be allocated before the system ends the process; nil where it does not say.
    public var available: Int64?
    /// What the ledger books as the Neural Engine's, in the footprint or not; nil where it does not.
    public var neural: Int64?

    public init(footprint: Int64, peak: Int64? = nil, available: Int64? = nil, neural: Int64? = nil) {
        self.footprint = footprint
        self.peak = peak
        self.available = available
        self.neural = neural
    }
}

/// Reads memory; nil when the system gave no answer.
public typealias MemoryProbe = @Sendable () -> MemoryReading?

/// The system's memory probe. One call takes some 10 µs.
public let systemMemoryProbe: MemoryProbe = {
    #if canImport(Darwin)
    return readTaskInfo()
    #else
    return readProcStatus()
    #endif
}

#if canImport(Darwin)
/// The process's own port. `mach_task_self_` is a variable to SDKs before iOS 18.4, which Swift 6 refuses to read. Asked
/// for once: every call takes another reference to the port.
private let ownTask = task_self_trap()

private func readTaskInfo() -> MemoryReading? {
    var info = task_vm_info_data_t()
    var count = mach_msg_type_number_t(MemoryLayout<task_vm_info_data_t>.size / MemoryLayout<integer_t>.size)
    let status = withUnsafeMutablePointer(to: &info) { pointer in
        pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
            task_info(ownTask, task_flavor_t(TASK_VM_INFO), $0, &count)
        }
    }
    guard status == KERN_SUCCESS else { return nil }
    // The ledgers came together, with revision 3 of the structure (xnu, osfmk/mach/task_info.h); an older kernel fills
    // in less of it, and says so in count.
    let end = MemoryLayout<task_vm_info_data_t>.offset(of: \.limit_bytes_remaining) ?? .max
    let hasLedgers = Int(count) * MemoryLayout<integer_t>.size >= end
    let neural = info.ledger_tag_neural_footprint + info.ledger_tag_neural_nofootprint
    return MemoryReading(
        footprint: Int64(info.phys_footprint), peak: hasLedgers ? Int64(info.ledger_phys_footprint_peak) : nil,
        available: memoryBelowLimit(), neural: hasLedgers ? Int64(neural) : nil)
}
#else
private func readProcStatus() -> MemoryReading? {
    let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        guard count > 0 else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        guard let anonymous = kilobytes("RssAnon:", in: text) else { return nil }
        return MemoryReading(footprint: (anonymous + (kilobytes("VmSwap:", in: text) ?? 0)) * 1024)
    }
}

/// The number after `name` at the beginning of a line, in KiB.
private func kilobytes(_ name: StaticString, in text: UnsafeRawBufferPointer) -> Int64? {
    let length = name.utf8CodeUnitCount
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: length)
    var start = 0
    while start + length < text.count {
        if text[start..<(start + length)].elementsEqual(wanted) {
            var value: Int64 = 0
            for byte in text[(start + length)...] {
                if (48...57).contains(byte) { value = value * 10 + Int64(byte - 48) } else if byte == 0x0A { break }
            }
            return value
        }
        guard let end = text[start...].firstIndex(of: 0x0A) else { return nil }
        start = end + 1
    }
    return nil
}
#endif
