#if canImport(MetricKit) && os(iOS)
import MetricKit
import os
#endif

/// Marks phases for the system's own instruments, so that MetricKit can tell CPU time and memory by phase.
public protocol PhaseSignposts: Sendable {
    func begin(_ phase: Phase)
    func end(_ phase: Phase)
}

/// For systems without signposts.
struct NoSignposts: PhaseSignposts {
    func begin(_ phase: Phase) {}
    func end(_ phase: Phase) {}
}

func systemSignposts() -> any PhaseSignposts {
    #if canImport(MetricKit) && os(iOS)
    return MetricKitSignposts()
    #else
    return NoSignposts()
    #endif
}

#if canImport(MetricKit) && os(iOS)
/// Signposts of the category "bench", one name for each phase: payloads group by category and name.
struct MetricKitSignposts: PhaseSignposts {
    private let log = Self.makeLog()

    private static func makeLog() -> OSLog {
        #if canImport(StateReporting)
        if #available(iOS 27.0, *) { return MetricManager.logHandle(category: "bench") }
        #endif
        return MXMetricManager.makeLogHandle(category: "bench")
    }

    func begin(_ phase: Phase) {
        switch phase {
        case .load: mxSignpost(.begin, log: log, name: "load")
        case .prefill: mxSignpost(.begin, log: log, name: "prefill")
        case .decode: mxSignpost(.begin, log: log, name: "decode")
        case .score, .idle: break
        }
    }

    func end(_ phase: Phase) {
        switch phase {
        case .load: mxSignpost(.end, log: log, name: "load")
        case .prefill: mxSignpost(.end, log: log, name: "prefill")
        case .decode: mxSignpost(.end, log: log, name: "decode")
        case .score, .idle: break
        }
    }
}
#endif
