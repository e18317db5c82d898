/// Many short texts, as bytes in one block: half a million of them cost a few allocations.
struct TextList: Sendable {
    private(set) var bytes: [UInt8] = []
    private var bounds: [(start: Int32, end: Int32)] = []

    var count: Int { bounds.count }
    var isEmpty: Bool { bounds.isEmpty }

    subscript(index: Int) -> ArraySlice<UInt8> { bytes[Int(bounds[index].start)..<Int(bounds[index].end)] }

    /// Appends the text that `write` puts behind `bytes`.
    mutating func append(_ write: (inout [UInt8]) throws -> Void) rethrows {
        let start = Int32(clamping: bytes.count)
        try write(&bytes)
        bounds.append((start, Int32(clamping: bytes.count)))
    }

    /// Makes two texts of the last one: what stands before and behind its first `separator`. False when either would be
    /// empty.
    mutating func splitLast(at separator: UInt8) -> Bool {
        guard let (start, end) = bounds.popLast() else { return false }
        guard let place = bytes[Int(start)..<Int(end)].firstIndex(of: separator) else { return false }
        bounds.append((start, Int32(place)))
        bounds.append((Int32(place) + 1, end))
        return Int32(place) > start && Int32(place) + 1 < end
    }
}

/// Ids by name. Open addressing over one flat array: reading a vocabulary of a quarter of a million names and half a
/// million merges is mostly look-ups in it. Names are bytes, because texts that Unicode holds to be equal are different
/// tokens.
struct NameTable: Sendable {
    private let names: TextList
    private let ids: [Int32]
    /// Index of a name, or -1.
    private var slots: [Int32]
    private let mask: Int

    /// A name that comes again replaces the one before it.
    init(_ names: TextList, ids: [Int32]) {
        precondition(names.count == ids.count, "\(names.count) names for \(ids.count) ids")
        self.names = names
        self.ids = ids
        var size = 16
        while size < names.count * 2 { size *= 2 }
        mask = size - 1
        slots = [Int32](repeating: -1, count: size)
        for index in 0..<names.count { slots[slot(of: names[index], [])] = Int32(index) }
    }

    func find(_ name: some Collection<UInt8>) -> Int32? { find(ArraySlice(name), []) }

    /// The id of the name that two texts make together.
    func find(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int32? {
        let index = slots[slot(of: left, right)]
        return index < 0 ? nil : ids[Int(index)]
    }

    /// Where the name is, or would be.
    private func slot(of left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        let length = left.count + right.count
        var slot = Int(truncatingIfNeeded: Self.hash(right, Self.hash(left, 0xCBF2_9CE4_8422_2325)) >> 20) & mask
        while slots[slot] >= 0 {
            let name = names[Int(slots[slot])]
            if name.count == length, name.starts(with: left), name.dropFirst(left.count).elementsEqual(right) { break }
            slot = (slot + 1) & mask
        }
        return slot
    }

    /// FNV-1a by Fowler, Noll and Vo, with a multiplication at each byte that leaves the high bits well mixed.
    private static func hash(_ bytes: ArraySlice<UInt8>, _ seed: UInt64) -> UInt64 {
        bytes.withUnsafeBufferPointer { $0.reduce(seed) { ($0 ^ UInt64($1)) &* 0x9E37_79B9_7F4A_7C15 } }
    }
}
