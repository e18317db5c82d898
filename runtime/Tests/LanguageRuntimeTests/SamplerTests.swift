import Testing

@testable import LanguageRuntime

@Suite struct SamplerTests {
    @Test func greedyTakesTheFirstOfEquals() {
        var sampler = Sampler(.init(temperature: 0))
        #expect(sampler.next([1, 5, 5, 2]) == 1)
        #expect(sampler.next([-3]) == 0)
    }

    @Test(arguments: [[], [Float.nan, 1], [1, .nan], [-.infinity, -.infinity], [.infinity, 1]])
    func brokenLogitsYieldNothing(_ logits: [Float]) {
        var greedy = Sampler(.init(temperature: 0))
        var warm = Sampler(.init(temperature: 1))
        #expect(greedy.next(logits) == nil)
        #expect(warm.next(logits) == nil)
    }

    @Test func sameSeedSameTokens() {
        let logits = (0..<500).map { Float(($0 * 7919) % 101) / 20 }
        func draw(_ seed: UInt64) -> [Int32?] {
            var sampler = Sampler(.init(temperature: 0.8, topK: 40, seed: seed))
            return (0..<50).map { _ in sampler.next(logits) }
        }
        #expect(draw(7) == draw(7))
        #expect(draw(7) != draw(8))
    }

    /// Reference values of Vigna's C code, seed 1234567.
    @Test func randomNumbersAreSplitMix64() {
        var random = SplitMix64(state: 1_234_567)
        #expect(
            (0..<3).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test func topKKeepsTheLargest() {
        let logits: [Float] = [0, 9, 3, 9, -1, 8, 3]
        #expect(Sampler.largest(4, of: logits) == [1, 3, 5, 2])
        #expect(Sampler.largest(100, of: logits).count == 7)
        #expect(Sampler.largest(1, of: logits) == [1])
    }

    /// Against a full sort, with many ties.
    @Test(arguments: [1, 2, 10, 63, 200])
    func topKAgreesWithSorting(count: Int) {
        var random = SplitMix64(state: 3)
        let logits = (0..<150).map { _ in Float(random.next() % 20) }
        let sorted = logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
        #expect(Sampler.largest(count, of: logits) == Array(sorted.prefix(count)))
    }

    @Test func frequenciesFollowTheSoftmax() {
        let logits: [Float] = [0, 1, 2]
        var sampler = Sampler(.init(temperature: 1, seed: 42))
        var counts = [0, 0, 0]
        let draws = 20_000
        for _ in 0..<draws { counts[Int(sampler.next(logits) ?? 0)] += 1 }
        // exp(0), exp(1), exp(2) over their sum; five standard deviations of a binomial are about 0.018.
        for (count, want) in zip(counts, [0.0900, 0.2447, 0.6652]) {
            #expect(abs(Double(count) / Double(draws) - want) < 0.018)
        }
    }

    @Test func onlyTheKeptAreDrawn() {
        let logits: [Float] = [1, 1.1, 0.9, 1.05]
        var sampler = Sampler(.init(temperature: 5, topK: 2, seed: 1))
        for _ in 0..<200 { #expect([1, 3].contains(sampler.next(logits) ?? -1)) }
    }
}
