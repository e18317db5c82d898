import LanguageRuntime
import Synchronization

/// Events as they came.
final class Collected: Sendable {
    private let list = Mutex<[GenerationEvent]>([])
    func add(_ event: GenerationEvent) { list.withLock { $0.append(event) } }
    var events: [GenerationEvent] { list.withLock { $0 } }
    var tokens: [GeneratedToken] {
        events.compactMap { if case .token(let token) = $0 { token } else { nil } }
    }
}
