/// Merges the symbols of one word: again and again the pair that was merged earliest in training, the leftmost of equals.
struct WordMerger: Sendable {
    let table: MergeTable
    /// Longest word for which scanning all pairs beats keeping them in a heap.
    static let scanLimit = 48

    func merge(_ symbols: inout [Int32]) {
        if symbols.count <= Self.scanLimit { mergeByScan(&symbols) } else { mergeByHeap(&symbols) }
    }

    /// Quadratic, with no memory of its own but the ranks: what almost every word takes.
    func mergeByScan(_ symbols: inout [Int32]) {
        guard symbols.count > 1 else { return }
        var merges = (0..<symbols.count - 1).map { table.find(symbols[$0], symbols[$0 + 1]) }
        while true {
            var best = -1
            var bestRank = Int32.max
            for (index, merge) in merges.enumerated() {
                if let merge, merge.rank < bestRank { (best, bestRank) = (index, merge.rank) }
            }
            guard best >= 0, let merge = merges[best] else { return }
            symbols[best] = merge.id
            symbols.remove(at: best + 1)
            merges.remove(at: best)
            if best > 0 { merges[best - 1] = table.find(symbols[best - 1], symbols[best]) }
            if best < merges.count { merges[best] = table.find(symbols[best], symbols[best + 1]) }
        }
    }

    /// n log n: symbols in a doubly linked list, candidate pairs in a binary heap; stale candidates are thrown away
    /// when they come up.
    func mergeByHeap(_ symbols: inout [Int32]) {
        var list = LinkedSymbols(symbols)
        var heap = PairHeap()
        for index in 0..<max(0, symbols.count - 1) { push(index, list, &heap) }
        while let candidate = heap.pop() {
            guard list.stillHolds(candidate) else { continue }
            list.join(candidate)
            if list.previous[candidate.left] >= 0 { push(list.previous[candidate.left], list, &heap) }
            push(candidate.left, list, &heap)
        }
        symbols = list.remaining
    }

    private func push(_ left: Int, _ list: LinkedSymbols, _ heap: inout PairHeap) {
        let right = list.next[left]
        guard right >= 0, let merge = table.find(list.ids[left], list.ids[right]) else { return }
        heap.push(
            PairHeap.Candidate(
                rank: merge.rank, left: left, leftID: list.ids[left], rightID: list.ids[right], merged: merge.id))
    }
}

private struct LinkedSymbols {
    var ids: [Int32]
    var next: [Int]
    var previous: [Int]
    private static let gone: Int32 = -1

    init(_ symbols: [Int32]) {
        ids = symbols
        next = symbols.indices.map { $0 + 1 < symbols.count ? $0 + 1 : -1 }
        previous = symbols.indices.map { $0 - 1 }
    }

    func stillHolds(_ candidate: PairHeap.Candidate) -> Bool {
        let right = next[candidate.left]
        return ids[candidate.left] == candidate.leftID && right >= 0 && ids[right] == candidate.rightID
    }

    mutating func join(_ candidate: PairHeap.Candidate) {
        let right = next[candidate.left]
        ids[candidate.left] = candidate.merged
        ids[right] = Self.gone
        next[candidate.left] = next[right]
        if next[right] >= 0 { previous[next[right]] = candidate.left }
    }

    var remaining: [Int32] { ids.filter { $0 != Self.gone } }
}

private struct PairHeap {
    struct Candidate {
        var rank: Int32
        var left: Int
        var leftID: Int32
        var rightID: Int32
        var merged: Int32

        func precedes(_ other: Candidate) -> Bool { (rank, left) < (other.rank, other.left) }
    }

    private var items: [Candidate] = []

    mutating func push(_ item: Candidate) {
        items.append(item)
        var child = items.count - 1
        while child > 0, case let parent = (child - 1) / 2, items[child].precedes(items[parent]) {
            items.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Candidate? {
        guard let top = items.first else { return nil }
        let last = items.removeLast()
        guard !items.isEmpty else { return top }
        items[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < items.count && items[child].precedes(items[least]) {
                least = child
            }
            if least == parent { return top }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
