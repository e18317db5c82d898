// Stand-in for the module os of Apple's SDKs: the few signatures that this package uses. Nothing here runs.
public final class OSLog: Sendable {}
public func os_proc_available_memory() -> Int { 0 }
