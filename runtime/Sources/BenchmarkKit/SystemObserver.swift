#if canImport(Darwin)
import Dispatch
#endif

/// Records what the system reports by itself while a session runs.
public protocol SessionObserver: Sendable {
    /// Stops listening.
    func stop()
}

/// Begins to listen. `folder` is where payload files are put, beside the events.
public typealias StartObserver = @Sendable (_ recorder: Recorder, _ folder: String) -> any SessionObserver

/// Memory warnings and MetricKit payloads, which the system delivers by itself. Where the system delivers nothing it
/// is empty.
final class SystemObserver: SessionObserver {
    #if canImport(Darwin)
    private let pressure: any DispatchSourceMemoryPressure
    #endif
    private let deliveries: any SessionObserver

    init(_ recorder: Recorder, folder: String) {
        #if canImport(Darwin)
        let source = DispatchSource.makeMemoryPressureSource(
            eventMask: [.warning, .critical], queue: .global(qos: .utility))
        source.setEventHandler { recorder.record(.memoryWarning) }
        source.activate()
        pressure = source
        #endif
        deliveries = startMetricKit(PayloadFolder(recorder, path: folder))
    }

    func stop() {
        #if canImport(Darwin)
        pressure.cancel()
        #endif
        deliveries.stop()
    }
}
