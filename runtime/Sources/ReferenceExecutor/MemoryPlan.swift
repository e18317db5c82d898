/// Places buffers in one arena so that buffers used at the same time do not overlap, and others share memory.
enum MemoryPlan {
    static let alignment = 64

    /// Offsets in bytes for each of `buffers`, and the size of the arena. The largest are placed first, each as low as those
    /// placed before it allow.
    static func place(_ buffers: [Buffer]) -> (offsets: [Int], size: Int) {
        var offsets = [Int](repeating: 0, count: buffers.count)
        var placed: [Int] = []
        var size = 0
        let order = buffers.indices.sorted { buffers[$0].count > buffers[$1].count }
        for index in order where buffers[index].count > 0 {
            let buffer = buffers[index]
            let bytes = padded(buffer)
            var offset = 0
            // `placed` is ordered by offset, so the first gap that is wide enough is the lowest.
            for other in placed where overlaps(buffers[other], buffer) {
                if offsets[other] - offset >= bytes { break }
                offset = max(offset, offsets[other] + padded(buffers[other]))
            }
            offsets[index] = offset
            size = max(size, offset + bytes)
            let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
            placed.insert(index, at: position)
        }
        return (offsets, size)
    }

    private static func padded(_ buffer: Buffer) -> Int {
        (buffer.count * 4 + alignment - 1) / alignment * alignment
    }

    private static func overlaps(_ a: Buffer, _ b: Buffer) -> Bool {
        a.firstUse <= b.lastUse && b.firstUse <= a.lastUse
    }
}
