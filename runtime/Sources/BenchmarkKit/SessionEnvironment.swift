import LanguageRuntime

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Everything outside that a session uses, so that tests own all of it.
public struct SessionEnvironment: Sendable {
    public var backend: any ModelBackend
    public var identity: AppIdentity
    public var memory: MemoryProbe
    public var thermal: ThermalProbe
    /// nil where nothing tells whether the device saves power.
    public var lowPower: @Sendable () -> Bool?
    public var clock: MonotonicClock
    /// Wall clock, ns since 1970.
    public var unixTime: @Sendable () -> Int64
    public var memoryMeter: MemoryMeter
    public var signposts: any PhaseSignposts
    public var startObserver: StartObserver
    /// Opens events.jsonl at a path.
    public var openOutput: @Sendable (String) throws -> any EventOutput

    /// The system's own probes and clocks.
    public init(backend: any ModelBackend, identity: AppIdentity, environment: [String: String]) {
        self.backend = backend
        self.identity = identity
        memory = systemMemoryProbe
        thermal = systemThermalProbe(environment: environment)
        lowPower = readLowPowerMode
        clock = .system
        unixTime = {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
        memoryMeter = .system
        signposts = systemSignposts()
        startObserver = { SystemObserver($0, folder: $1) }
        openOutput = { try EventFile($0) }
    }
}

/// What this build of the app is.
public struct AppIdentity: Sendable, Equatable {
    public var bundleID: String?
    /// Git revision it was built from.
    public var revision: String?
    public var configuration: String

    public init(bundleID: String? = nil, revision: String? = nil) {
        self.bundleID = bundleID
        self.revision = revision
        #if DEBUG
        configuration = "Debug"
        #else
        configuration = "Release"
        #endif
    }
}

/// What the system says of itself.
struct SystemDescription {
    /// "iOS", "macOS" or "Linux", with the kernel's or system's release.
    var os: String
    /// Hardware model: "iPhone15,4", or the instruction set where there is no model name.
    var machine: String
    var memoryBytes: Int64?

    static func read() -> SystemDescription {
        var names = utsname()
        guard uname(&names) == 0 else { return SystemDescription(os: "unknown", machine: "unknown", memoryBytes: nil) }
        let release = text(of: &names.release)
        let machine = text(of: &names.machine)
        #if canImport(Darwin)
        var bytes: UInt64 = 0
        var size = MemoryLayout<UInt64>.size
        let hasBytes = sysctlbyname("hw.memsize", &bytes, &size, nil, 0) == 0
        return SystemDescription(os: "Darwin \(release)", machine: machine, memoryBytes: hasBytes ? Int64(bytes) : nil)
        #else
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        let bytes = pages > 0 && pageSize > 0 ? Int64(pages) * Int64(pageSize) : nil
        return SystemDescription(os: "Linux \(release)", machine: machine, memoryBytes: bytes)
        #endif
    }

    /// A C string in a fixed array, which Swift imports as a tuple.
    private static func text<Tuple>(of field: inout Tuple) -> String {
        withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
