#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a session's own event lines say of each iteration, for people who look at the phone and for UI tests. Medians,
/// comparisons and verdicts are the host's part.
public struct SessionFigures: Sendable, Codable, Equatable {
    /// One iteration. What was not measured is nil.
    public struct Iteration: Sendable, Codable, Equatable {
        public var index: Int
        public var warmup: Bool
        public var outcome: String?
        public var promptTokens: Int?
        public var tokens = 0
        /// Tokens after the first, over the time from the first to the last.
        public var decodeTokensPerSecond: Double?
        public var timeToFirstTokenSeconds: Double?
        public var peakFootprintBytes: Double?
    }

    public var iterations: [Iteration] = []
    /// Load durations by regime, s.
    public var loadSeconds: [String: Double] = [:]
    /// Code and message of the errors, in order.
    public var errors: [String] = []
    public var endReason: String?

    public init() {}

    /// Folds events in the order of the file.
    public init(_ events: [Event]) {
        var begins: [Int: Int64] = [:]
        var times: [Int: [Int64]] = [:]
        for event in events {
            switch event.kind {
            case .load: if let regime = event.regime, let ns = event.ns { loadSeconds[regime] = Double(ns) / 1e9 }
            case .error: errors.append("\(event.code ?? "error"): \(event.message ?? "")")
            case .end: endReason = event.reason
            case .iterationBegin:
                guard let index = event.iteration else { continue }
                iterations.removeAll { $0.index == index }  // begun again by a second launch
                iterations.append(
                    Iteration(index: index, warmup: event.warmup ?? false, promptTokens: event.promptTokens))
                begins[index] = event.atNs
                times[index] = []
            case .tokens: if let index = event.iteration { times[index]? += event.at ?? [] }
            case .sample:
                guard event.metric == ProbeLoop.footprint, let value = event.value else { continue }
                update(event.iteration) { $0.peakFootprintBytes = max($0.peakFootprintBytes ?? value, value) }
            case .iterationEnd:
                guard let index = event.iteration else { continue }
                update(index) { $0.finish(event.outcome, begin: begins[index], times: times[index] ?? []) }
            case .hello, .placement, .prefill, .thermal, .memoryWarning, .payload: break
            }
        }
    }

    private mutating func update(_ index: Int?, _ change: (inout Iteration) -> Void) {
        guard let place = iterations.lastIndex(where: { $0.index == index }) else { return }
        change(&iterations[place])
    }

    /// Reads an event file; lines that cannot be read are passed over.
    public static func read(_ path: String) -> SessionFigures {
        let data = (try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data()
        let decoder = JSONDecoder()
        return SessionFigures(
            data.split(separator: 0x0A).compactMap { try? decoder.decode(Event.self, from: Data($0)) })
    }
}

extension SessionFigures.Iteration {
    fileprivate mutating func finish(_ outcome: String?, begin: Int64?, times: [Int64]) {
        self.outcome = outcome
        tokens = times.count
        guard let first = times.first, let last = times.last else { return }
        if let begin { timeToFirstTokenSeconds = Double(first - begin) / 1e9 }
        if last > first { decodeTokensPerSecond = Double(times.count - 1) / (Double(last - first) / 1e9) }
    }
}
