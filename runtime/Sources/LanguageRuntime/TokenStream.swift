/// Tokens as they are generated, for one consumer. Generation begins at once and pauses while the consumer is more than
/// the buffer behind; no token is dropped. When the consumer's task is cancelled, or it lets go of the stream,
/// generation ends.
public struct TokenStream: AsyncSequence, Sendable {
    public typealias Element = GeneratedToken

    private let channel: BoundedChannel<GeneratedToken>
    private let producer: Task<GenerationSummary, any Error>
    private let lifetime: Lifetime

    init(
        capacity: Int,
        _ body: @escaping @Sendable (_ emit: @escaping @Sendable (GeneratedToken) async throws -> Void) async throws
            -> GenerationSummary
    ) {
        let channel = BoundedChannel<GeneratedToken>(capacity: capacity)
        let producer = Task {
            do {
                let summary = try await body { try await channel.send($0) }
                channel.finish()
                return summary
            } catch {
                channel.finish(error is BoundedChannel<GeneratedToken>.Cancelled ? nil : error)
                throw error
            }
        }
        self.channel = channel
        self.producer = producer
        lifetime = Lifetime {
            producer.cancel()
            channel.cancel()
        }
    }

    /// How it ended. Waits for the end, so take the tokens first.
    public var summary: GenerationSummary {
        get async throws { try await producer.value }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(channel: channel, lifetime: lifetime) }

    public struct Iterator: AsyncIteratorProtocol {
        let channel: BoundedChannel<GeneratedToken>
        let lifetime: Lifetime

        public mutating func next() async throws -> GeneratedToken? { try await channel.receive() }
    }

    /// Ends the generation when the last stream and iterator are gone.
    final class Lifetime: Sendable {
        private let end: @Sendable () -> Void
        init(_ end: @escaping @Sendable () -> Void) { self.end = end }
        deinit { end() }
    }
}
