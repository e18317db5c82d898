/// Which absolute position each cache slot holds, and which slots a token may see. A value: copies are cheap and
/// independent, so a step carries the map as it is after the step.
public struct SlotMap: Sendable, Equatable {
    /// Slots of the cache, C.
    public var capacity: Int { positions.count }
    /// How many positions back a token sees, itself included. A slot with position q is seen from position p when
    /// `p - window < q <= p`.
    public let window: Int
    /// Slots 0..<anchors are seen from everywhere once they are filled: they keep the beginning of the text when the
    /// rest slides. 0: none.
    public let anchors: Int
    /// Position by slot; `vacant` where a slot holds nothing (never seen outside: the subscript gives nil).
    private var positions: [Int32]

    private static let vacant = Int32.min

    public init(capacity: Int, window: Int, anchors: Int = 0) {
        self.window = window
        self.anchors = anchors
        positions = [Int32](repeating: Self.vacant, count: capacity)
    }

    /// The position that `slot` holds, nil where it holds nothing.
    public subscript(slot: Int) -> Int32? {
        get { positions[slot] == Self.vacant ? nil : positions[slot] }
        set { positions[slot] = newValue ?? Self.vacant }
    }

    /// Whether a token at `position` may see `slot`.
    public func sees(slot: Int, from position: Int32) -> Bool {
        let held = positions[slot]
        guard held != Self.vacant, held <= position else { return false }
        return slot < anchors || Int(position) - Int(held) < window
    }

    /// Writes one row of a mask: `visible` where a token at `position` may see the slot, `hidden` elsewhere.
    ///
    /// - Parameters:
    ///   - within: how many positions back a local layer sees, the current one counted, anchors or not; nil for layers
    ///     that see all there is.
    ///   - row: `capacity` elements.
    public func writeMask<Element>(
        from position: Int32, within: Int? = nil, visible: Element, hidden: Element,
        into row: UnsafeMutableBufferPointer<Element>
    ) {
        precondition(row.count == positions.count, "mask row has \(row.count) elements for \(positions.count) slots")
        // Comparing in 64 bits keeps `vacant` from wrapping around.
        let last = Int(position)
        let first = last - min(window, within ?? window)
        let anchors = within == nil ? anchors : 0
        positions.withUnsafeBufferPointer { held in
            for slot in 0..<row.count {
                let q = Int(held[slot])
                let seen = q <= last && (q > first || (slot < anchors && q >= 0))
                row[slot] = seen ? visible : hidden
            }
        }
    }
}
