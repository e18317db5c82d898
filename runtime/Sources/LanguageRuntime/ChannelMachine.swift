/// The states of a bounded channel between one producer and one consumer, without continuations, locks or tasks: it is
/// told what happened and answers what is to be done. `Consumer` and `Producer` are whoever waits.
struct ChannelMachine<Element, Consumer, Producer> {
    enum SendAction {
        /// It is in the buffer.
        case stored
        /// The consumer waits for exactly this.
        case hand(Consumer)
        /// The buffer is full: call `wait(_:_:)` with whom to wake.
        case wait
        /// Nobody will take it any more.
        case refused
    }

    enum ReceiveAction {
        /// Here is one; the producer that waited, if any, may go on.
        case take(Element, Producer?)
        case wait
        case ended((any Error)?)
    }

    private let capacity: Int
    private var buffer: [Element] = []
    private var head = 0
    private var consumer: Consumer?
    private var blocked: (element: Element, producer: Producer)?
    private var isClosed = false
    private var failure: (any Error)?

    init(capacity: Int) { self.capacity = max(1, capacity) }

    private var count: Int { buffer.count - head }

    mutating func send(_ element: Element) -> SendAction {
        if isClosed { return .refused }
        if let consumer {
            self.consumer = nil
            return .hand(consumer)
        }
        guard count < capacity else { return .wait }
        buffer.append(element)
        return .stored
    }

    /// The producer waits with its element.
    mutating func wait(_ element: Element, _ producer: Producer) { blocked = (element, producer) }

    mutating func receive() -> ReceiveAction {
        guard count > 0 else {
            guard isClosed else { return .wait }
            // An error is told once; after it the sequence is over.
            defer { failure = nil }
            return .ended(failure)
        }
        let element = buffer[head]
        head += 1
        if head == buffer.count || head >= 64 {
            buffer.removeFirst(head)
            head = 0
        }
        let woken = blocked?.producer
        if let waiting = blocked?.element { buffer.append(waiting) }
        blocked = nil
        return .take(element, woken)
    }

    /// The consumer waits.
    mutating func wait(_ consumer: Consumer) { self.consumer = consumer }

    /// The producer is through. What is buffered can still be received. Returns who waits for an element that never comes.
    mutating func finish(_ error: (any Error)?) -> Consumer? {
        guard !isClosed else { return nil }
        isClosed = true
        defer { consumer = nil }
        if consumer == nil { failure = error }
        return consumer
    }

    /// The consumer is gone, and what is buffered with it. Returns both who wait.
    mutating func cancel() -> (consumer: Consumer?, producer: Producer?) {
        isClosed = true
        buffer = []
        head = 0
        failure = nil
        defer { (consumer, blocked) = (nil, nil) }
        return (consumer, blocked?.producer)
    }
}

extension ChannelMachine: Sendable where Element: Sendable, Consumer: Sendable, Producer: Sendable {}
extension ChannelMachine.SendAction: Sendable where Element: Sendable, Consumer: Sendable, Producer: Sendable {}
extension ChannelMachine.ReceiveAction: Sendable where Element: Sendable, Consumer: Sendable, Producer: Sendable {}
