#if canImport(Darwin)
import Dispatch
import Foundation
#endif
#if canImport(MetricKit) && os(iOS)
import MetricKit
#endif

/// Listens to what comes unasked while a session runs, and records it.
public protocol SessionWitness: Sendable {
    /// Listens no more.
    func stop()
}

/// Begins to listen. `folder` is where payload files are put, beside the events.
public typealias StartWitness = @Sendable (_ recorder: Recorder, _ folder: String) -> any SessionWitness

/// What the system tells of its own accord: memory warnings and MetricKit payloads. Where the system tells nothing it
/// is empty.
final class SystemWitness: SessionWitness {
    #if canImport(Darwin)
    private let pressure: any DispatchSourceMemoryPressure
    #endif
    #if canImport(MetricKit) && os(iOS)
    private let payloads: MetricKitPayloads
    #endif

    init(_ recorder: Recorder, folder: String) {
        #if canImport(Darwin)
        let source = DispatchSource.makeMemoryPressureSource(
            eventMask: [.warning, .critical], queue: .global(qos: .utility))
        source.setEventHandler { recorder.record(.memoryWarning) }
        source.activate()
        pressure = source
        #endif
        #if canImport(MetricKit) && os(iOS)
        payloads = MetricKitPayloads(recorder, folder: URL(fileURLWithPath: folder))
        MXMetricManager.shared.add(payloads)
        payloads.takePast()
        #endif
    }

    func stop() {
        #if canImport(Darwin)
        pressure.cancel()
        #endif
        #if canImport(MetricKit) && os(iOS)
        MXMetricManager.shared.remove(payloads)
        #endif
    }
}

#if canImport(MetricKit) && os(iOS)
/// Writes each payload as the system delivers it to a file of its own, unread: parsing is the host's part.
private final class MetricKitPayloads: NSObject, MXMetricManagerSubscriber, Sendable {
    private let recorder: Recorder
    private let folder: URL

    init(_ recorder: Recorder, folder: URL) {
        self.recorder = recorder
        self.folder = folder
    }

    func didReceive(_ payloads: [MXMetricPayload]) {
        for payload in payloads { keep(payload.jsonRepresentation(), "metric") }
    }

    func didReceive(_ payloads: [MXDiagnosticPayload]) {
        for payload in payloads { keep(payload.jsonRepresentation(), "diagnostic") }
    }

    /// Payloads that came before this process subscribed.
    func takePast() {
        didReceive(MXMetricManager.shared.pastPayloads)
        didReceive(MXMetricManager.shared.pastDiagnosticPayloads)
    }

    private func keep(_ json: Data, _ kind: String) {
        let name = "metrickit-\(kind)-\(UUID().uuidString).json"
        do {
            try json.write(to: folder.appendingPathComponent(name), options: .atomic)
            recorder.record(.payload) { $0.file = name }
        } catch {
            recorder.record(.error) {
                $0.code = "payload"
                $0.message = "\(name): \(error.localizedDescription)"
            }
        }
    }
}
#endif
