import LanguageRuntime
import Synchronization

/// Reads memory and thermal state while a session runs. `tick` does one round; a task of its own calls it 25 times a
/// second, so that no peak between two phases is missed for long.
///
/// What is written is thinned: a footprint every 250 ms, and at once when it has grown by more than 1 MiB over the
/// highest of the phase. The highest is therefore on record to within 1 MiB and 40 ms. At the end of each phase everything
/// that the system tells of the process's memory is written.
final class ProbeLoop: Sendable {
    static let interval = Duration.milliseconds(40)
    /// The reading of the app's own footprint, in bytes.
    static let footprint = "footprint_bytes"
    private static let quietTime: Int64 = 250_000_000
    private static let growth: Int64 = 1 << 20

    private struct State {
        var lastWritten: Int64?
        /// Of the phase.
        var highest: Int64 = 0
        var leastAvailable: Int64?
        var thermal: ThermalState?
        var lastThermalReading: Int64?
    }

    private let recorder: Recorder
    private let memory: MemoryProbe
    private let thermal: ThermalProbe
    private let onThermal: @Sendable (ThermalState) -> Void
    private let state = Mutex(State())

    /// - Parameter onThermal: called when the thermal state is first known and whenever it changes.
    init(
        _ recorder: Recorder, memory: @escaping MemoryProbe, thermal: @escaping ThermalProbe,
        onThermal: @escaping @Sendable (ThermalState) -> Void
    ) {
        self.recorder = recorder
        self.memory = memory
        self.thermal = thermal
        self.onThermal = onThermal
    }

    /// One round.
    func tick() {
        recorder.flushAged()
        readMemory()
        readThermal()
    }

    /// Ends a phase: writes its memory, and begins anew for the next. To be called before the session enters that.
    func endPhase() {
        guard let reading = memory() else { return }
        let now = recorder.clock.now()
        let least = state.withLock { state in
            defer { state.leastAvailable = nil }
            state.lastWritten = now
            state.highest = reading.footprint
            return [state.leastAvailable, reading.available].compactMap { $0 }.min()
        }
        recorder.sample(Self.footprint, Double(reading.footprint), "B")
        if let peak = reading.peak { recorder.sample("ledger_peak_bytes", Double(peak), "B") }
        if let least { recorder.sample("available_bytes", Double(least), "B") }
        if let neural = reading.neural { recorder.sample("neural_bytes", Double(neural), "B") }
    }

    /// The next iteration's highest footprint is its own.
    func beginIteration() { state.withLock { $0.highest = 0 } }

    private func readMemory() {
        guard let reading = memory() else { return }
        let now = recorder.clock.now()
        let isDue = state.withLock { state in
            if let available = reading.available {
                state.leastAvailable = min(state.leastAvailable ?? available, available)
            }
            let hasGrown = reading.footprint > state.highest + Self.growth
            let isOld = state.lastWritten.map { now - $0 >= Self.quietTime } ?? true
            guard hasGrown || isOld else { return false }
            state.highest = max(state.highest, reading.footprint)
            state.lastWritten = now
            return true
        }
        if isDue { recorder.sample(Self.footprint, Double(reading.footprint), "B") }
    }

    private func readThermal() {
        let now = recorder.clock.now()
        let isDue = state.withLock { state in
            if let last = state.lastThermalReading, now - last < Self.quietTime { return false }
            state.lastThermalReading = now
            return true
        }
        guard isDue, let current = thermal() else { return }
        let hasChanged = state.withLock { state in
            defer { state.thermal = current }
            return state.thermal != current
        }
        guard hasChanged else { return }
        recorder.record(.thermal) { $0.state = current.rawValue }
        onThermal(current)
    }

    /// Calls `tick` until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            tick()
            try? await Task.sleep(for: Self.interval)
        }
    }
}
