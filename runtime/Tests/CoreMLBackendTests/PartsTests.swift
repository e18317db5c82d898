import Testing

@testable import CoreMLBackend

/// The parts that need no Core ML. The rest is tested where Core ML is.
@Suite struct PartsTests {
    #if !(os(macOS) && arch(x86_64))
    @Test func everyHalfWidensExactly() {
        for bits in UInt16.min...UInt16.max {
            let want = Float(Float16(bitPattern: bits))
            let got = HalfFloat.widen(bits)
            #expect(want.isNaN ? got.isNaN : got == want && got.sign == want.sign, "\(bits)")
        }
    }
    #endif

    @Test func theMaskHidesWithTheContractsValue() {
        #expect(HalfFloat.widen(HalfFloat.hidden) == -10_000)
        #expect(HalfFloat.widen(HalfFloat.zero) == 0)
    }
}
