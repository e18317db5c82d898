#if canImport(Darwin)
import Foundation
#else
@_spi(_Unicode) import Swift
#endif

/// What happens to text before it is cut: steps, one after another.
struct Normalizer: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        /// Unicode normalisation form C.
        case composed
        /// Puts a text before every text that is not empty.
        case prepend(String)
        /// Replaces each occurrence, from the left, byte for byte: U+00E9 and "e" with an accent stay different.
        case replace(pattern: [UInt8], content: [UInt8])
    }

    var steps: [Step] = []

    func apply(_ text: String) -> String { steps.reduce(text) { $1.apply($0) } }
}

extension Normalizer.Step {
    func apply(_ text: String) -> String {
        switch self {
        case .composed:
            // ASCII and most Latin text is in form C already.
            if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
            #if canImport(Darwin)
            return text.precomposedStringWithCanonicalMapping
            #else
            return text._nfc.reduce(into: "") { $0.unicodeScalars.append($1) }
            #endif
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content):
            return String(decoding: Self.replace(pattern, by: content, in: Array(text.utf8)), as: UTF8.self)
        }
    }

    /// The standard library's `replacing` is generic and many times slower, and this runs over every prompt.
    private static func replace(_ pattern: [UInt8], by content: [UInt8], in text: [UInt8]) -> [UInt8] {
        guard let first = pattern.first else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count + text.count / 2)
        var index = 0
        while index < text.count {
            if text[index] == first, text[index...].starts(with: pattern) {
                out += content
                index += pattern.count
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }
}
