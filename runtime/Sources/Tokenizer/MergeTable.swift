/// Merges by pair of ids: which pair may become which token, and how early in training it did. Open addressing over
/// one flat array, because encoding is mostly look-ups in it.
struct MergeTable: Sendable {
    struct Merge: Sendable, Equatable {
        /// Lower is earlier, and goes first.
        var rank: Int32
        var id: Int32
    }

    private struct Entry: Sendable {
        var key: UInt64
        var merge: Merge
    }

    private static let vacant = UInt64.max
    private var entries: [Entry]
    private let mask: Int

    /// Later merges of the same pair replace earlier ones.
    init(_ merges: [(left: Int32, right: Int32, merge: Merge)]) {
        var size = 16
        while size < merges.count * 2 { size *= 2 }
        mask = size - 1
        entries = [Entry](repeating: Entry(key: Self.vacant, merge: Merge(rank: 0, id: 0)), count: size)
        for (left, right, merge) in merges {
            let key = Self.key(left, right)
            var slot = Self.hash(key) & mask
            while entries[slot].key != Self.vacant, entries[slot].key != key { slot = (slot + 1) & mask }
            entries[slot] = Entry(key: key, merge: merge)
        }
    }

    @inline(__always)
    func find(_ left: Int32, _ right: Int32) -> Merge? {
        let key = Self.key(left, right)
        return entries.withUnsafeBufferPointer { entries in
            var slot = Self.hash(key) & mask
            while true {
                let entry = entries[slot]
                if entry.key == key { return entry.merge }
                if entry.key == Self.vacant { return nil }
                slot = (slot + 1) & mask
            }
        }
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Fibonacci hashing; the high bits are the well mixed ones.
    @inline(__always)
    private static func hash(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 20)
    }
}
