import FakeModel
import ModelManager
import Testing

@testable import LanguageRuntime

@Suite struct CandidatesTests {
    /// A program ranks equals as its compute unit likes; the runtime puts the lower id first, as it does among all logits.
    @Test func equalsAreRankedById() {
        let ranked = Candidates.ranked(ids: [9, 4, 7, 2], logits: [1.5, 3, 3, 3])
        #expect(ranked == .top([2, 4, 7].map { Candidate(id: $0, logit: 3) } + [Candidate(id: 9, logit: 1.5)]))
        var sampler = Sampler(.init())
        #expect(sampler.next(ranked) == 2)
        #expect(sampler.next(.all([1, 1, 3, 0, 3, 0, 0, 3, 0, 1.5])) == 2)
    }

    /// The same seed draws the same tokens from enough of the largest logits as from all of them.
    @Test(arguments: [1, 2, 7, 20], [0.3, 1.0, 4.0])
    func drawingFromTheLargestIsDrawingFromAll(topK: Int, temperature: Double) {
        var random = SplitMix64(state: UInt64(topK))
        var fromAll = Sampler(.init(temperature: temperature, topK: topK, seed: 11))
        var fromTop = fromAll
        for _ in 0..<50 {
            let logits = (0..<200).map { _ in Float(random.next() % 40) / 8 }
            let kept = Sampler.largest(20, of: logits).shuffled(using: &random)
            let top = Candidates.ranked(ids: kept.map(Int32.init), logits: kept.map { logits[$0] })
            #expect(fromTop.next(top) == fromAll.next(.all(logits)))
        }
    }

    @Test(arguments: [[], [Float.nan, 1], [1, .nan], [-.infinity, -.infinity], [.infinity, 1]])
    func brokenLogitsYieldNothing(_ logits: [Float]) {
        let candidates = Candidates.ranked(ids: logits.indices.map(Int32.init), logits: logits)
        for temperature in [0.0, 1.0] {
            var sampler = Sampler(.init(temperature: temperature))
            #expect(sampler.next(candidates) == nil)
        }
    }

    @Test func onlySamplingThatTheModelCanServeIsTaken() async throws {
        let folder = Fixtures.folder.appendingPathComponent("model/tiny-ranked")
        let ranked = try await Generator.load(
            ModelPackage.open(folder, runtime: runtimeVersion), backend: FakeBackend())
        for (settings, fits) in [
            (Sampler.Settings(), true), (.init(temperature: 0, topK: 99), true), (.init(temperature: 1, topK: 8), true),
            (.init(temperature: 1, topK: 9), false), (.init(temperature: 1), false),
        ] {
            if fits {
                try ranked.check(settings)
            } else {
                #expect(throws: RuntimeError.tooFewCandidates(wanted: settings.topK, offered: 8)) {
                    try ranked.check(settings)
                }
                let options = GenerationOptions(sampling: settings)
                await #expect(throws: RuntimeError.self, "before the prompt is fed") {
                    try await ranked.startConversation().generate([1, 5], options) { _ in }
                }
            }
        }
        let plain = try await Generator.load(Fixtures.tinyPackage(), backend: FakeBackend())
        try plain.check(.init(temperature: 1))
        #expect(
            RuntimeError.tooFewCandidates(wanted: nil, offered: 8).description
                == "sampling draws from all tokens, the model gives 8; set top-k to 8 or less, "
                + "or convert the model with --outputs logits")
    }

    @Test func agreementToleratesArithmeticAndNothingElse() {
        let logits = (0..<64).map { 10 - Float($0) / 8 }
        let ids = (0..<64).map { Int32($0 * 3) }
        let one = Candidates.ranked(ids: ids, logits: logits)
        #expect(one.agrees(with: one))
        #expect(one.agrees(with: .ranked(ids: ids, logits: logits.map { $0 + 0.2 })))
        #expect(!one.agrees(with: .ranked(ids: ids, logits: logits.map { $0 + 1 })))
        // A few at the end may differ, most may not.
        let shifted = ids.map { $0 >= 150 ? $0 + 1 : $0 }
        #expect(one.agrees(with: .ranked(ids: shifted, logits: logits)))
        #expect(!one.agrees(with: .ranked(ids: ids.map { $0 + 1 }, logits: logits)))
        // A single candidate.
        let single = Candidates.ranked(ids: [5], logits: [20])
        #expect(single.agrees(with: .ranked(ids: [5], logits: [20.5])))
        #expect(!single.agrees(with: .ranked(ids: [6], logits: [20])))
        #expect(!single.agrees(with: .ranked(ids: [5], logits: [12])))
        #expect(!single.agrees(with: .ranked(ids: [5], logits: [.nan])))
        // All logits.
        #expect(Candidates.all(logits).agrees(with: .all(logits.map { $0 - 0.2 })))
        #expect(!Candidates.all(logits).agrees(with: .all(logits.reversed())))
    }

    /// Local layers see by position, anchors or not.
    @Test func masksOfLocalLayersFollowPositions() {
        var slots = SlotMap(capacity: 8, window: 6, anchors: 2)
        // Positions 0 and 1 stay; 8 to 11 have taken the places of 2 to 5.
        for (slot, position) in [0, 1, 8, 9, 10, 11, 6, 7].enumerated() { slots[slot] = Int32(position) }
        func seen(from position: Int32, within: Int?) -> [Int32] {
            let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: 8)
            defer { row.deallocate() }
            slots.writeMask(from: position, within: within, visible: 0, hidden: -1, into: row)
            return (0..<8).filter { row[$0] == 0 }.compactMap { slots[$0] }.sorted()
        }
        #expect(seen(from: 11, within: nil) == [0, 1, 6, 7, 8, 9, 10, 11])
        #expect(seen(from: 11, within: 3) == [9, 10, 11])
        #expect(seen(from: 9, within: 3) == [7, 8, 9])
        #expect(seen(from: 11, within: 100) == [6, 7, 8, 9, 10, 11], "no further than the cache goes")
        #expect(seen(from: 1, within: 1) == [1])
    }
}
