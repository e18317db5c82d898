/// IEEE 754 binary16 by its bits, as Core ML's arrays hold it. Swift's own Float16 does not exist on every Mac.
enum HalfFloat {
    static let zero: UInt16 = 0
    /// -10,000, what hides a cache slot in the causal mask (docs/model-contract.md).
    static let hidden: UInt16 = 0xF0E2

    static func widen(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits) & 0x3FF
        switch exponent {
        case 0:
            // Zero and the subnormals: fraction times 2^-24, exact in Float.
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
