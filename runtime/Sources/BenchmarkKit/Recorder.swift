import LanguageRuntime
import Synchronization

/// Numbers events, batches tokens and hands lines to the output. Any thread may use it; lines come out in order.
///
/// Tokens are gathered into one line of up to 16 or 100 ms, so that writing does not slow generation down; the first
/// of an iteration goes out at once, because people and hosts wait for it. Any other event of the iteration takes the
/// gathered tokens with it, so order on the wire is order in time.
public final class Recorder: Sendable {
    static let batchLimit = 16
    static let batchAge: Int64 = 100_000_000

    private struct State {
        var seq: Int64
        var batch: Event?
        var batchBegan: Int64 = 0
        var phase = Phase.load
        var iteration: Int?
        var failure: RecordError?
    }

    private let output: any EventOutput
    let clock: MonotonicClock
    private let state: Mutex<State>

    public init(_ output: any EventOutput, firstSeq: Int64, clock: MonotonicClock) {
        self.output = output
        self.clock = clock
        state = Mutex(State(seq: firstSeq))
    }

    /// Why the record could not be written; nil while it could. After it nothing more is written.
    public var failure: RecordError? { state.withLock { $0.failure } }

    /// What the session is at, for samples that other threads take.
    public func enter(_ phase: Phase, iteration: Int?) {
        state.withLock {
            $0.phase = phase
            $0.iteration = iteration
        }
    }

    /// Writes an event of `kind` that happens now; `fill` sets its fields.
    public func record(_ kind: Event.Kind, iteration: Int? = nil, _ fill: (inout Event) -> Void = { _ in }) {
        var event = Event(kind, at: 0, iteration: iteration)
        fill(&event)
        let ready = event
        state.withLock { state in
            flush(&state)
            write(ready, &state)
        }
    }

    /// A reading, with the phase and iteration that the session is in.
    public func sample(_ metric: String, _ value: Double, _ unit: String) {
        state.withLock { state in
            flush(&state)
            var event = Event(.sample, at: 0, iteration: state.iteration)
            event.metric = metric
            event.value = value
            event.unit = unit
            event.phase = state.phase.rawValue
            write(event, &state)
        }
    }

    /// A reading that could not be taken, and why.
    func missing(_ metric: String, _ unit: String, _ reason: String) {
        record(.sample) { event in
            event.metric = metric
            event.unit = unit
            event.reason = reason
        }
    }

    /// Gathers a token.
    func token(_ token: GeneratedToken, iteration: Int) {
        let now = clock.now()
        state.withLock { state in
            var batch = state.batch ?? Event(.tokens, at: 0, iteration: iteration)
            if batch.ids == nil {
                (batch.first, batch.ids, batch.at, batch.text) = (token.index, [], [], "")
                state.batchBegan = now
            }
            batch.ids?.append(token.id)
            batch.at?.append(token.at)
            batch.text?.append(token.text)
            state.batch = batch
            let isFull = (batch.ids?.count ?? 0) >= Self.batchLimit
            if token.index == 0 || isFull || now - state.batchBegan >= Self.batchAge { flush(&state) }
        }
    }

    /// Writes gathered tokens that have waited long enough. Called now and then from another thread, so that a
    /// generation that has come to a halt does not sit on its last tokens.
    func flushAged() {
        let now = clock.now()
        state.withLock { if now - $0.batchBegan >= Self.batchAge { flush(&$0) } }
    }

    private func flush(_ state: inout State) {
        guard let batch = state.batch else { return }
        state.batch = nil
        write(batch, &state)
    }

    private func write(_ event: Event, _ state: inout State) {
        guard state.failure == nil else { return }
        var event = event
        event.seq = state.seq
        // Taken under the lock: lines never go back in time.
        event.atNs = clock.now()
        do {
            try output.append(event.line())
            state.seq += 1
        } catch {
            state.failure = error as? RecordError ?? RecordError(path: String(describing: error), number: 5)
        }
    }
}

/// What a session is at.
public enum Phase: String, Sendable {
    case load, prefill, decode, score, idle
}
