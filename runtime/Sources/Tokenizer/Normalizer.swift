#if canImport(Darwin)
import Foundation
#else
@_spi(_Unicode) import Swift
#endif

/// What happens to text before it is cut.
enum Normalizer: Sendable, Equatable {
    case none
    /// Unicode normalisation form C.
    case composed

    func apply(_ text: String) -> String {
        switch self {
        case .none: return text
        case .composed:
            // ASCII and most Latin text is in form C already.
            if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
            #if canImport(Darwin)
            return text.precomposedStringWithCanonicalMapping
            #else
            return text._nfc.reduce(into: "") { $0.unicodeScalars.append($1) }
            #endif
        }
    }
}
