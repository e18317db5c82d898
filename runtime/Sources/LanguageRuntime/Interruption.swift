import Synchronization

/// Lets any thread end the generations that are under way. Those that begin later are not concerned.
public final class Interruption: Sendable {
    private let epoch = Atomic<UInt64>(0)

    public init() {}

    /// Ends what is under way before its next step.
    public func interrupt() { epoch.add(1, ordering: .releasing) }

    /// What a generation remembers at its beginning.
    struct Mark: Sendable, Equatable { fileprivate var epoch: UInt64 }

    func mark() -> Mark { Mark(epoch: epoch.load(ordering: .acquiring)) }
}
