#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Puts MetricKit's payloads beside the events, each in a file of its own and unread: parsing is the host's part.
struct PayloadFolder: Sendable {
    private let recorder: Recorder
    private let folder: URL

    init(_ recorder: Recorder, path: String) {
        self.recorder = recorder
        folder = URL(fileURLWithPath: path)
    }

    /// Keeps what `encode` gives, and says so in an event. What cannot be encoded or written becomes an error event.
    ///
    /// - Parameter kind: metric, diagnostic, report or diagnostic-report; part of the file's name.
    func keep(_ kind: String, _ encode: () throws -> Data) {
        let name = "metrickit-\(kind)-\(UUID().uuidString).json"
        do {
            try encode().write(to: folder.appendingPathComponent(name), options: .atomic)
            recorder.record(.payload) { $0.file = name }
        } catch {
            recorder.record(.error) {
                $0.code = "payload"
                $0.message = "\(name): \(error)"
            }
        }
    }
}
