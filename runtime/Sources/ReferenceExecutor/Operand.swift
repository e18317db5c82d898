import MLProgram

/// A piece of memory that steps read and write. Its address is settled after planning (arena), at load (constants) or at
/// the beginning of each call (states); steps look it up when they run.
final class Buffer {
    /// Where the memory comes from.
    enum Home: Equatable {
        case arena
        case constant
        /// By index among the function's states.
        case state(Int)
    }

    var base: UnsafeMutableRawPointer
    /// Size in elements of four bytes.
    let count: Int
    let home: Home
    /// First and last step that touch it, for the plan of the arena.
    var firstUse = Int.max
    var lastUse = -1

    init(count: Int, home: Home, base: UnsafeMutableRawPointer = Buffer.nowhere) {
        self.count = count
        self.home = home
        self.base = base
    }

    /// A valid address that nothing is ever read from: buffers of no elements may keep it.
    nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
}

/// A tensor in a buffer: contiguous, from `offset` on.
struct Operand {
    let buffer: Buffer
    /// In elements.
    let offset: Int
    let shape: [Int]
    let dataType: DataType
    let count: Int

    init(buffer: Buffer, offset: Int = 0, shape: [Int], dataType: DataType) {
        self.buffer = buffer
        self.offset = offset
        self.shape = shape
        self.dataType = dataType
        count = Shapes.count(shape)
    }

    var kind: ElementKind { ElementKind(dataType) }
    var rank: Int { shape.count }

    @inline(__always) var floats: UnsafeMutablePointer<Float> {
        (buffer.base + offset &* 4).assumingMemoryBound(to: Float.self)
    }

    @inline(__always) var ints: UnsafeMutablePointer<Int32> {
        (buffer.base + offset &* 4).assumingMemoryBound(to: Int32.self)
    }

    /// The elements as four-byte words, for operations that only move them.
    @inline(__always) var words: UnsafeMutablePointer<UInt32> {
        (buffer.base + offset &* 4).assumingMemoryBound(to: UInt32.self)
    }

    /// The same elements under another shape of the same count.
    func reshaped(_ shape: [Int]) -> Operand {
        Operand(buffer: buffer, offset: offset, shape: shape, dataType: dataType)
    }

    /// `shape.count` elements from `start` on.
    func sliced(from start: Int, shape: [Int]) -> Operand {
        Operand(buffer: buffer, offset: offset + start, shape: shape, dataType: dataType)
    }
}
