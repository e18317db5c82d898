/// The ids that a word begins as, before anything is merged: one for each byte, or one for each character.
struct FirstSymbols: Sendable {
    private let isByteLevel: Bool
    private let idOfByte: [Int32?]
    /// Of characters that are tokens by themselves. Empty for a byte-level vocabulary.
    private let idOfScalar: [Unicode.Scalar: Int32]
    private let fallsBackToBytes: Bool
    private let unknownID: Int32?
    private let fusesUnknown: Bool

    init(_ file: TokenizerFile, _ names: NameTable) {
        isByteLevel = file.isByteLevel
        unknownID = file.unknownToken.flatMap { names.find($0) }
        fusesUnknown = file.fusesUnknown
        fallsBackToBytes = file.fallsBackToBytes && !isByteLevel
        if isByteLevel {
            idOfByte = ByteAlphabet.scalarOfByte.map { names.find(String($0).utf8) }
            idOfScalar = [:]
            return
        }
        idOfByte = (0...255).map { names.find(TokenDecoder.name(of: UInt8($0))) }
        var scalars: [Unicode.Scalar: Int32] = [:]
        for (entry, id) in file.ids.enumerated() {
            let token = file.vocabulary[entry]
            guard token.count <= 4 else { continue }
            let text = String(decoding: token, as: UTF8.self).unicodeScalars
            // What is no UTF-8 decodes to another character than it is.
            if let scalar = text.first, text.count == 1, scalar.utf8.elementsEqual(token) { scalars[scalar] = id }
        }
        idOfScalar = scalars
    }

    func ids(of word: ArraySlice<Unicode.Scalar>) -> [Int32] {
        // A byte that the vocabulary lacks becomes the unknown token, or nothing where there is none.
        if isByteLevel { return word.utf8Bytes.compactMap { idOfByte[Int($0)] ?? unknownID } }
        var ids: [Int32] = []
        ids.reserveCapacity(word.count)
        var afterUnknown = false
        for scalar in word {
            if let id = idOfScalar[scalar] {
                ids.append(id)
                afterUnknown = false
                continue
            }
            if fallsBackToBytes, case let bytes = scalar.utf8.compactMap({ idOfByte[Int($0)] }), bytes.count == scalar.utf8.count {
                ids.append(contentsOf: bytes)
                afterUnknown = false
                continue
            }
            if let unknownID, !(fusesUnknown && afterUnknown) { ids.append(unknownID) }
            afterUnknown = true
        }
        return ids
    }
}

extension ArraySlice<Unicode.Scalar> {
    /// The text in UTF-8.
    var utf8Bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for scalar in self { bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter) }
        return bytes
    }
}

extension Unicode.Scalar {
    fileprivate var utf8: [UInt8] { Array(UTF8.encode(self) ?? UTF8.encodedReplacementCharacter) }
}
