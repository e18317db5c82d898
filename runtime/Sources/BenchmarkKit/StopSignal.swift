import LanguageRuntime
import Synchronization

/// Why a session is to end early, told from any thread. The first reason stands; the generation that runs is
/// interrupted.
final class StopSignal: Sendable {
    enum Cause: Sendable, Equatable {
        case thermal(ThermalState)
        /// The soak's time is over.
        case duration
    }

    private struct State {
        var cause: Cause?
        var generator: Generator?
    }

    private let state = Mutex(State())

    var cause: Cause? { state.withLock { $0.cause } }

    /// The generator to interrupt from now on.
    func watch(_ generator: Generator?) { state.withLock { $0.generator = generator } }

    func stop(_ cause: Cause) {
        let generator = state.withLock { state in
            if state.cause == nil { state.cause = cause }
            return state.generator
        }
        generator?.interrupt()
    }
}
