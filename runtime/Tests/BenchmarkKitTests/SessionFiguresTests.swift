import FakeModel
import Foundation
import Testing

@testable import BenchmarkKit

@Suite struct SessionFiguresTests {
    @Test func ofTheFixture() throws {
        let figures = SessionFigures.read(Fixtures.folder.appendingPathComponent("wire/session.jsonl").path)
        #expect(figures.endReason == "complete")
        #expect(figures.loadSeconds == ["cold": 0.038])
        let iteration = try #require(figures.iterations.first)
        #expect(figures.iterations.count == 1)
        #expect(iteration.tokens == 3)
        #expect(iteration.promptTokens == 4)
        #expect(iteration.outcome == "ok")
        #expect(abs((iteration.decodeTokensPerSecond ?? 0) - 500) < 1e-9)
        #expect(abs((iteration.timeToFirstTokenSeconds ?? 0) - 0.0051) < 1e-12)
        #expect(iteration.peakFootprintBytes == nil, "the only sample is of the load")
    }

    @Test func anIterationThatWasBegunAgainCountsOnce() {
        let figures = SessionFigures.read(Fixtures.folder.appendingPathComponent("wire/relaunch.jsonl").path)
        #expect(figures.iterations.map(\.tokens) == [3])
    }

    @Test func nothingIsNothing() {
        #expect(SessionFigures.read("/nonexistent") == SessionFigures())
    }
}
