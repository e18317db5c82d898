import Synchronization

/// Hands elements from one task to another, at most `capacity` waiting in between. Nothing is dropped: a producer that
/// is ahead waits.
final class BoundedChannel<Element: Sendable>: Sendable {
    /// The consumer is gone.
    struct Cancelled: Error {}

    private typealias Consumer = CheckedContinuation<Element?, any Error>
    /// Resumed with whether the consumer is still there.
    private typealias Producer = CheckedContinuation<Bool, Never>
    private typealias Machine = ChannelMachine<Element, Consumer, Producer>
    // The machine lies beside its lock, not in it: a `Mutex` whose content is generic crashes the compiler of Swift 6.0 in
    // builds without optimisation.
    private let lock = Mutex<Void>(())
    nonisolated(unsafe) private var state: Machine

    init(capacity: Int) { state = Machine(capacity: capacity) }

    private func withMachine<Result>(_ body: (inout Machine) -> Result) -> Result {
        var result: Result?
        lock.withLock { _ in result = body(&state) }
        guard let result else { preconditionFailure("a lock runs what it is given") }
        return result
    }

    /// Hands over an element, waiting while the buffer is full.
    func send(_ element: Element) async throws {
        let wasTaken = await withCheckedContinuation { (producer: Producer) in
            let action = withMachine { machine -> ChannelMachine<Element, Consumer, Producer>.SendAction in
                let action = machine.send(element)
                if case .wait = action { machine.wait(element, producer) }
                return action
            }
            switch action {
            case .stored: producer.resume(returning: true)
            case .hand(let consumer):
                consumer.resume(returning: element)
                producer.resume(returning: true)
            case .wait: break
            case .refused: producer.resume(returning: false)
            }
        }
        if !wasTaken { throw Cancelled() }
    }

    /// The next element; nil at the end, or when the calling task is cancelled.
    func receive() async throws -> Element? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (consumer: Consumer) in
                let action = withMachine { machine -> ChannelMachine<Element, Consumer, Producer>.ReceiveAction in
                    let action = machine.receive()
                    if case .wait = action { machine.wait(consumer) }
                    return action
                }
                switch action {
                case .take(let element, let producer):
                    consumer.resume(returning: element)
                    producer?.resume(returning: true)
                case .wait: break
                case .ended(let error?): consumer.resume(throwing: error)
                case .ended(nil): consumer.resume(returning: nil)
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// The producer is through.
    func finish(_ error: (any Error)? = nil) {
        guard let consumer = withMachine({ $0.finish(error) }) else { return }
        if let error { consumer.resume(throwing: error) } else { consumer.resume(returning: nil) }
    }

    /// The consumer is gone: the producer's next or waiting `send` throws.
    func cancel() {
        let waiting = withMachine { $0.cancel() }
        waiting.consumer?.resume(returning: nil)
        waiting.producer?.resume(returning: false)
    }
}
