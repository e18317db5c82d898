// Stand-in for the module Darwin of Apple's SDKs: Glibc, and the few signatures beyond it that this package uses, as
// xnu's osfmk/mach/task_info.h and Dispatch's and Foundation's interfaces have them. Nothing here runs.
import Dispatch
@_exported import Foundation
@_exported import Glibc

public typealias integer_t = Int32
public typealias natural_t = UInt32
public typealias kern_return_t = Int32
public typealias mach_msg_type_number_t = natural_t
public typealias mach_port_t = natural_t
public typealias mach_port_name_t = natural_t
public typealias task_flavor_t = natural_t
public let KERN_SUCCESS: kern_return_t = 0
public let TASK_VM_INFO: Int32 = 22
// A variable to SDKs before iOS 18.4: Swift 6 refuses to read it.
public var mach_task_self_: mach_port_t = 0
public func task_self_trap() -> mach_port_name_t { 0 }

public struct task_vm_info_data_t {
    public var virtual_size: UInt64 = 0
    public var phys_footprint: UInt64 = 0
    public var ledger_phys_footprint_peak: Int64 = 0
    public var ledger_tag_neural_footprint: Int64 = 0
    public var ledger_tag_neural_nofootprint: Int64 = 0
    public var limit_bytes_remaining: UInt64 = 0
    public init() {}
}

public func task_info(
    _ task: mach_port_t, _ flavor: task_flavor_t, _ info: UnsafeMutablePointer<integer_t>!,
    _ count: UnsafeMutablePointer<mach_msg_type_number_t>!
) -> kern_return_t { KERN_SUCCESS }

public let CLOCK_UPTIME_RAW: clockid_t = 8
public func clock_gettime_nsec_np(_ clock: clockid_t) -> UInt64 { 0 }

public func sysctlbyname(
    _ name: UnsafePointer<CChar>!, _ old: UnsafeMutableRawPointer!, _ oldLength: UnsafeMutablePointer<Int>!,
    _ new: UnsafeMutableRawPointer!, _ newLength: Int
) -> Int32 { -1 }

public protocol DispatchSourceMemoryPressure: DispatchSourceProtocol, Sendable {}

extension DispatchSource {
    public struct MemoryPressureEvent: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let warning = MemoryPressureEvent(rawValue: 2)
        public static let critical = MemoryPressureEvent(rawValue: 4)
    }

    public static func makeMemoryPressureSource(
        eventMask: MemoryPressureEvent, queue: DispatchQueue? = nil
    ) -> any DispatchSourceMemoryPressure { fatalError() }
}

extension ProcessInfo {
    public enum ThermalState: Int, Sendable { case nominal, fair, serious, critical }
    public var thermalState: ThermalState { .nominal }
    public var isLowPowerModeEnabled: Bool { false }
}

extension URL {
    public static var documentsDirectory: URL { fatalError() }
}
