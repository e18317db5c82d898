import FakeModel
import ModelManager
import Testing

@testable import LanguageRuntime

/// The window is pure: these tests feed it tokens and look at the calls it makes.
@Suite struct ContextWindowTests {
    private func steps(_ window: inout ContextWindow, _ tokens: [Int32]) -> [ModelStep] {
        var pending = tokens[...]
        var steps: [ModelStep] = []
        while !pending.isEmpty { steps.append(window.step(&pending)) }
        return steps
    }

    @Test func fullChunksThenAPaddedOne() {
        var window = ContextWindow(ContextShape(capacity: 32, chunk: 8, positions: 32))
        let made = steps(&window, (1...19).map { Int32($0) })
        #expect(made.map(\.function) == [.prefill, .prefill, .prefill])
        #expect(made.map(\.count) == [8, 8, 3])
        #expect(made.map(\.slot) == [0, 8, 16])
        #expect(made[2].tokens == [17, 18, 19, 0, 0, 0, 0, 0])
        #expect(made[2].positions == [16, 17, 18, 18, 18, 18, 18, 18])
        #expect(made[2].lastIndex == 2)
        #expect(made[2].slotPositions[18] == 18)
        #expect(made[2].slotPositions[19] == nil, "padding is masked")
        #expect(window.position == 19)
    }

    @Test func aSingleTokenIsDecoded() {
        var window = ContextWindow(ContextShape(capacity: 32, chunk: 8, positions: 32))
        let made = steps(&window, [7])
        #expect(made.map(\.function) == [.decode])
        #expect(made[0].tokens == [7])
    }

    /// A chunk that would cross the end of the cache begins earlier, with tokens that are there already.
    @Test func remainderAtTheEndOfTheCache() {
        var window = ContextWindow(ContextShape(capacity: 20, chunk: 8, positions: 20))
        let made = steps(&window, (0..<20).map { Int32($0) })
        #expect(made.map(\.function) == [.prefill, .prefill, .prefill])
        #expect(made.map(\.slot) == [0, 8, 12])
        #expect(made.map(\.repeated) == [0, 0, 4])
        #expect(made[2].tokens == [12, 13, 14, 15, 16, 17, 18, 19])
        #expect(made[2].positions == made[2].tokens)
        #expect(made[2].lastIndex == 7)
        #expect(!window.hasRoom)
    }

    /// A long text in rotation goes in whole calls, however its length and the cache's fit the chunk: one call more a round
    /// at most, for the tokens that are computed again.
    @Test(arguments: [0, 1, 4, 13])
    func rotationKeepsToWholeChunks(anchors: Int) {
        let (capacity, chunk, length) = (100, 16, 1500)
        var window = ContextWindow(
            ContextShape(capacity: capacity, chunk: chunk, positions: 10_000), policy: .slide(anchors: anchors))
        let made = steps(&window, (0..<Int32(length)).map { $0 })
        #expect(made.filter { $0.function == .decode }.count <= length / (capacity - anchors) + 1)
        #expect(made.count <= length / chunk + length / (capacity - anchors) + 2)
        #expect(made.reduce(0) { $0 + $1.count - $1.repeated } == length)
    }

    /// Slots of anchors are never written again: where no chunk fits between them and the end, tokens go one by one.
    @Test func anchorsStayWhereTheyAre() {
        var window = ContextWindow(
            ContextShape(capacity: 20, chunk: 8, positions: 1000), policy: .slide(anchors: 14))
        let made = steps(&window, (0..<200).map { Int32($0) })
        for step in made where step.positions[0] >= 20 { #expect(step.slot >= 14) }
        #expect(made.last?.slotPositions[13] == 13)
    }

    @Test(arguments: [(32, 8), (16, 16), (10, 3), (64, 1), (7, 7)])
    func neverWritesBeyondTheCache(capacity: Int, chunk: Int) {
        var window = ContextWindow(
            ContextShape(capacity: capacity, chunk: chunk, positions: 1000), policy: .slide(anchors: 2))
        for length in [1, 5, capacity, 3 * capacity, 2, chunk, 1] {
            for step in steps(&window, (0..<length).map { Int32($0) }) {
                #expect(step.slot >= 0)
                #expect(step.slot + step.tokens.count <= capacity)
                #expect(step.lastIndex == step.count - 1)
            }
        }
    }

    /// The fake network continues a text by hashing what the last token may see, so this compares slots, masks and
    /// rotation with the definition: every token sees the anchors and the newest C - anchors - chunk + 1 tokens,
    /// however the text was cut into calls.
    @Test(arguments: [0, 1, 4], [1, 3, 8])
    func rotationShowsEachTokenExactlyItsWindow(anchors: Int, chunk: Int) async throws {
        let capacity = 24
        let package = try Fixtures.package(context: capacity, chunk: chunk, positions: 10_000)
        let generator = try await Generator.load(package, backend: FakeBackend())
        let visible = capacity - anchors - chunk + 1
        let sees = { (held: Int, from: Int) -> Bool in held < anchors || from - held < visible }
        for pieces in [[5, 40, 3, 9, 30], [1, 1, 1, 60], [23, 1, 24, 25]] {
            let conversation = try generator.startConversation(policy: .slide(anchors: anchors))
            var text: [Int32] = []
            for (index, length) in pieces.enumerated() {
                let prompt = (0..<length).map { (offset: Int) -> Int32 in Int32(3 + (offset * 7 + index * 31) % 200) }
                text += prompt
                let collected = Collected()
                _ = try await conversation.generate(prompt, GenerationOptions(maximumTokens: 4)) { collected.add($0) }
                for token in collected.tokens {
                    let want = fakeContinuation(of: text, vocabulary: 288, sees: sees)
                    #expect(token.id == want, "\(pieces), piece \(index), token \(token.index)")
                    text.append(token.id)
                }
                // The last token was not fed; the next prompt begins with it.
                text.removeLast()
            }
        }
    }

    @Test func positionsRunOutAndTheNewestHalfIsComputedAgain() {
        var window = ContextWindow(ContextShape(capacity: 16, chunk: 4, positions: 16), policy: .slide(anchors: 2))
        _ = steps(&window, (100..<116).map { Int32($0) })
        #expect(window.position == 16)
        let made = steps(&window, [999])
        let fed = made.flatMap { $0.tokens.prefix($0.count) }
        #expect(fed == [100, 101, 110, 111, 112, 113, 114, 115, 999])
        #expect(made.first?.positions.first == 0)
        #expect(window.position == 9)
        #expect(window.hasRoom)
    }

    @Test func maskRowAgreesWithSees() {
        var slots = SlotMap(capacity: 12, window: 5, anchors: 2)
        for slot in 0..<9 { slots[slot] = Int32(slot * 2) }
        slots[4] = nil
        for position in [Int32(0), 3, 7, 16, 40] {
            let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: 12)
            defer { row.deallocate() }
            slots.writeMask(from: position, visible: 0, hidden: -1e4, into: row)
            let written = row.map { $0 == 0 }
            let wanted = (0..<12).map { slots.sees(slot: $0, from: position) }
            #expect(written == wanted, "position \(position)")
        }
    }

    @Test func cacheBytesFollowTheFormula() throws {
        let manifest = try Fixtures.tinyPackage().manifest
        #expect(manifest.cacheBytes(tokens: 64) == 2 * 2 * 64 * 2 * 32 * 2)
    }
}
