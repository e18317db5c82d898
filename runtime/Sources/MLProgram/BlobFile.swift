/// The weight file of a package (storage version 2), memory-mapped. Hands out checked ranges of it, never copies.
///
/// Layout, little endian: a header of 64 bytes (count, version), then per blob a metadata record of 64 bytes and its
/// data, both aligned to 64. A program refers to a blob by the offset of its metadata.
public final class BlobFile: Sendable {
    static let alignment = 64
    static let version: UInt32 = 2
    static let sentinel: UInt32 = 0xDEAD_BEEF

    /// Name for messages, relative to the package.
    public let name: String
    public let file: MappedFile
    /// Number of blobs by the header.
    public let count: Int

    /// Maps the file and checks its header. Throws `unreadable` or `badBlob`.
    public init(path: String, name: String) throws {
        self.name = name
        file = try MappedFile(path: path)
        let bytes = file.bytes
        guard bytes.count >= BlobFile.alignment else {
            throw ProgramError(.badBlob, file: name, "\(bytes.count) bytes, shorter than the header of 64")
        }
        let version = bytes.littleEndian(at: 4, as: UInt32.self)
        guard version == BlobFile.version else {
            throw ProgramError(.badBlob, file: name, "storage version \(version), only 2 is known")
        }
        count = Int(bytes.littleEndian(at: 0, as: UInt32.self))
        guard count <= bytes.count / BlobFile.alignment else {
            throw ProgramError(.badBlob, file: name, "claims \(count) blobs in \(bytes.count) bytes")
        }
    }

    /// The data of the blob whose metadata lies at `offset`, checked to hold exactly `elements` of `type`.
    /// The memory lives as long as this object.
    public func data(at offset: UInt64, type: DataType, elements: Int) throws -> UnsafeRawBufferPointer {
        let bytes = file.bytes
        func bad(_ reason: String) -> ProgramError { ProgramError(.badBlob, file: name, "blob at \(offset): \(reason)") }

        guard offset >= UInt64(BlobFile.alignment), offset % UInt64(BlobFile.alignment) == 0 else {
            throw bad("offset is not a multiple of 64 behind the header")
        }
        guard offset <= UInt64(bytes.count), UInt64(bytes.count) - offset >= UInt64(BlobFile.alignment) else {
            throw bad("metadata lies outside the \(bytes.count) bytes of the file")
        }
        let start = Int(offset)
        guard bytes.littleEndian(at: start, as: UInt32.self) == BlobFile.sentinel else { throw bad("no sentinel") }
        let code = bytes.littleEndian(at: start + 4, as: UInt32.self)
        guard let expected = type.blobCode else { throw bad("type \(type) cannot be stored in a weight file") }
        guard code == expected else { throw bad("holds type code \(code), the program says \(type) (\(expected))") }
        let size = bytes.littleEndian(at: start + 8, as: UInt64.self)
        let dataOffset = bytes.littleEndian(at: start + 16, as: UInt64.self)
        guard dataOffset % UInt64(BlobFile.alignment) == 0 else { throw bad("data offset \(dataOffset) is not aligned to 64") }
        guard dataOffset <= UInt64(bytes.count), size <= UInt64(bytes.count) - dataOffset else {
            throw bad("data of \(size) bytes at \(dataOffset) lies outside the \(bytes.count) bytes of the file")
        }
        guard elements >= 0, let bits = type.bits else { throw bad("\(elements) elements") }
        let (total, overflow) = elements.multipliedReportingOverflow(by: bits)
        guard !overflow, UInt64(total / 8 + (total % 8 == 0 ? 0 : 1)) == size else {
            throw bad("\(size) bytes do not hold \(elements) elements of \(type)")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[Int(dataOffset)..<Int(dataOffset) + Int(size)])
    }
}

extension UnsafeRawBufferPointer {
    /// An integer at a byte offset that the caller has checked.
    func littleEndian<T: FixedWidthInteger>(at offset: Int, as _: T.Type) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
