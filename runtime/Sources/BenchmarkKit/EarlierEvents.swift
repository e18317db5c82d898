#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What an event file already says when the app is launched with the same plan again: where numbering goes on and what
/// need not be done again.
public struct EarlierEvents: Sendable, Equatable {
    /// Number of the next line.
    public var nextSeq: Int64 = 0
    /// Iterations that have ended.
    public var ended: Set<Int> = []
    /// The plan was carried out, or ended by its own rules.
    public var isComplete = false
    /// The file's last line has no newline: the app was cut off while it wrote.
    public var endsInMidLine = false

    public init() {}

    /// Reads the file's bytes. Lines that cannot be read are passed over: judging them is the host's part.
    public init(_ bytes: [UInt8]) {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        endsInMidLine = !(lines.last?.isEmpty ?? true)
        if !lines.isEmpty { lines.removeLast() }
        for line in lines {
            guard let event = try? JSONDecoder().decode(Event.self, from: Data(line)) else { continue }
            nextSeq = max(nextSeq, event.seq + 1)
            switch event.kind {
            case .iterationEnd: if let iteration = event.iteration { ended.insert(iteration) }
            case .end: isComplete = event.reason == "complete" || event.reason == "thermal"
            case .hello: isComplete = false
            default: break
            }
        }
    }

    /// Reads a file; an absent one says nothing.
    public init(contentsOf path: String) {
        let data = try? Data(contentsOf: URL(fileURLWithPath: path))
        self.init([UInt8](data ?? Data()))
    }
}
