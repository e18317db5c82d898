import FakeModel
import Foundation
import Testing

@testable import BenchmarkKit

/// The fixture files are the contract with the Go side, which reads the same ones.
@Suite struct EventTests {
    static func lines(_ name: String) throws -> [String] {
        let text = try String(contentsOf: Fixtures.folder.appendingPathComponent("wire/" + name), encoding: .utf8)
        return text.split(separator: "\n").map(String.init)
    }

    private func decode(_ line: String) throws -> Event { try JSONDecoder().decode(Event.self, from: Data(line.utf8)) }

    /// What is written is what was read, field for field: nothing is added, lost or renamed.
    @Test(arguments: ["session.jsonl", "crash.jsonl", "relaunch.jsonl", "placement.jsonl"])
    func linesSurviveReadingAndWriting(_ name: String) throws {
        for line in try Self.lines(name) {
            guard let event = try? decode(line) else { continue }  // crash.jsonl ends in mid-line
            let written = event.line()
            #expect(written.last == 0x0A)
            #expect(!written.dropLast().contains(0x0A))
            let again = try JSONSerialization.jsonObject(with: Data(written)) as? NSDictionary
            let original = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? NSDictionary
            #expect(again == original, "\(line)")
        }
    }

    @Test func fixturesHaveEveryFieldTheyNeed() throws {
        let events = try Self.lines("session.jsonl").map(decode)
        #expect(
            events.map(\.kind) == [
                .hello, .load, .sample, .thermal, .iterationBegin, .prefill, .tokens, .iterationEnd, .end,
            ])
        #expect(events[6].text == " a \"cat\"\né")
        #expect(events[6].at == [47_100_000, 49_100_000, 51_100_000])
        #expect(events[0].unixNs == 1_790_000_000_000_000_000)
    }

    @Test func everyCharacterSurvives() throws {
        var event = Event(.tokens, at: 1)
        event.text =
            String(String.UnicodeScalarView((0..<0x300).compactMap { Unicode.Scalar($0) })) + "🙂\u{2028}\u{10FFFF}\"\\"
        let line = event.line()
        #expect(try JSONDecoder().decode(Event.self, from: Data(line)).text == event.text)
        #expect(!line.dropLast().contains(0x0A))
    }

    @Test func numbersThatAreNotNumbersAreAbsent() throws {
        for value in [Double.nan, .infinity, -.infinity] {
            var event = Event(.sample, at: 1)
            event.value = value
            #expect(try JSONDecoder().decode(Event.self, from: Data(event.line())).value == nil)
        }
        var event = Event(.sample, at: 1)
        event.value = 23_068_672
        #expect(String(decoding: event.line(), as: UTF8.self).contains("\"value\":23068672,") == false)
        #expect(String(decoding: event.line(), as: UTF8.self).contains("\"value\":23068672}"))
    }

    @Test func planOfTheFixture() throws {
        let path = Fixtures.folder.appendingPathComponent("wire/plan.json").path
        let plan = try Plan.read(path)
        #expect(plan.session == "s000-candidate")
        #expect(plan.model == "../../models/aa11")
        #expect(plan.generateTokens == 3)
        #expect(plan.promptTokens == nil)
        #expect(plan.computeUnits == .cpuOnly)
        #expect(plan.abortThermal == nil)
        #expect(plan.duration == nil)
        #expect(!plan.stopAtEnd)
    }
}

@Suite struct EarlierEventsTests {
    private func read(_ name: String) throws -> EarlierEvents {
        EarlierEvents([UInt8](try Data(contentsOf: Fixtures.folder.appendingPathComponent("wire/" + name))))
    }

    @Test func aFinishedSessionIsComplete() throws {
        let earlier = try read("session.jsonl")
        #expect(earlier.isComplete)
        #expect(earlier.nextSeq == 9)
        #expect(earlier.ended == [0])
        #expect(!earlier.endsInMidLine)
    }

    @Test func numberingGoesOnAfterTheLastWholeLine() {
        let whole = "{\"v\":1,\"seq\":4,\"at_ns\":1,\"kind\":\"iteration_end\",\"iteration\":2,\"outcome\":\"ok\"}\n"
        let earlier = EarlierEvents(Array((whole + "{\"v\":1,\"seq\":5,\"at").utf8))
        #expect(earlier.nextSeq == 5)
        #expect(earlier.endsInMidLine)
        #expect(earlier.ended == [2])
        #expect(!earlier.isComplete)
    }

    @Test func nothingIsNothing() {
        #expect(EarlierEvents([]) == EarlierEvents())
        #expect(EarlierEvents(contentsOf: "/nonexistent/events.jsonl") == EarlierEvents())
    }
}
