/// Text to token ids and back.
public protocol Tokenizer: Sendable {
    /// Number of ids, added tokens included: ids are 0..<count.
    var count: Int { get }
    /// Token ids of `text`. Special tokens that are written out in the text are recognised.
    func encode(_ text: String) -> [Int32]
    /// The bytes that `id` stands for: not always whole characters. Special tokens have none; nil for an unknown id.
    func bytes(of id: Int32) -> [UInt8]?
    /// How many spaces the whole text of some ids loses at its beginning, where a tokenizer puts one before every text.
    /// Text that goes on after other text keeps them.
    var leadingSpaces: Int { get }
    /// The id of a token by its name in the vocabulary, e.g. "<|endoftext|>".
    func id(of token: String) -> Int32?
}
