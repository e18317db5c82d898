#if canImport(Darwin)
import Dispatch
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
    // Sources may be cancelled from any thread; not every SDK says so in the type.
    private nonisolated(unsafe) let pressure: any DispatchSourceMemoryPressure
    #endif
    private let deliveries: any SessionWitness

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
