import Foundation
import LanguageRuntime
import Synchronization
import Testing

@testable import BenchmarkKit

@Suite struct RecorderTests {
    private let output = MemoryOutput()
    private let clock = TestClock()
    private var recorder: Recorder { Recorder(output, firstSeq: 7, clock: clock.clock) }

    private func token(_ index: Int) -> GeneratedToken {
        GeneratedToken(index: index, id: Int32(index), text: "t", at: Int64(index))
    }

    @Test func theFirstTokenGoesOutAtOnceThenSixteenAtATime() {
        let recorder = recorder
        for index in 0..<40 { recorder.token(token(index), iteration: 2) }
        #expect(output.events.map { $0.ids?.count } == [1, 16, 16])
        #expect(output.events.map(\.first) == [0, 1, 17])
        recorder.record(.iterationEnd, iteration: 2)
        #expect(output.events.suffix(2).map(\.kind) == [.tokens, .iterationEnd])
        #expect(output.events.flatMap { $0.ids ?? [] } == Array(0..<40))
        #expect(output.events.map(\.seq) == Array(7..<12))
    }

    @Test func slowTokensAreNotHeldBack() {
        let recorder = recorder
        for index in 0..<6 {
            clock.advance(60_000_000)
            recorder.token(token(index), iteration: 0)
        }
        #expect(output.events.map { $0.ids?.count } == [1, 3], "the line that began at 120 ms is full at 240 ms")
        recorder.flushAged()
        #expect(output.events.count == 2, "60 ms old")
        clock.advance(60_000_000)
        recorder.flushAged()
        #expect(output.events.last?.ids == [4, 5])
    }

    @Test func anyOtherLineTakesTheTokensWithIt() {
        let recorder = recorder
        for index in 0..<3 { recorder.token(token(index), iteration: 0) }
        recorder.sample("footprint_bytes", 5, "B")
        #expect(output.events.map(\.kind) == [.tokens, .tokens, .sample])
        #expect(zip(output.events, output.events.dropFirst()).allSatisfy { $0.atNs < $1.atNs })
    }

    /// Many threads at once: every line is whole, numbers have no gap.
    @Test func linesOfManyThreadsAreInOrder() async {
        let recorder = recorder
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask { for _ in 0..<50 { recorder.sample("m\(worker)", 1, "1") } }
            }
        }
        #expect(output.events.map(\.seq) == Array(7..<407))
        #expect(zip(output.events, output.events.dropFirst()).allSatisfy { $0.atNs <= $1.atNs })
    }

    @Test func afterAFailureNothingMoreIsWritten() {
        let output = MemoryOutput(limit: 2)
        let recorder = Recorder(output, firstSeq: 0, clock: clock.clock)
        for _ in 0..<5 { recorder.sample("m", 1, "1") }
        #expect(recorder.failure == RecordError(path: "events.jsonl", number: 28))
        #expect(output.events.count == 2)
    }
}

@Suite struct ProbeLoopTests {
    private let output = MemoryOutput()
    private let clock = TestClock()

    private func loop(
        footprints: [Int64], thermal: [ThermalState?] = [nil],
        onThermal: @escaping @Sendable (ThermalState) -> Void = { _ in }
    ) -> ProbeLoop {
        let rest = Mutex((footprints, thermal))
        return ProbeLoop(
            Recorder(output, firstSeq: 0, clock: clock.clock),
            memory: {
                rest.withLock { rest in
                    let next = rest.0.count > 1 ? rest.0.removeFirst() : rest.0[0]
                    return MemoryReading(footprint: next, peak: nil, available: next * 2)
                }
            },
            thermal: { rest.withLock { $0.1.count > 1 ? $0.1.removeFirst() : $0.1[0] } }, onThermal: onThermal)
    }

    @Test func footprintsAreThinnedButNoPeakIsMissed() {
        let megabyte: Int64 = 1 << 20
        let loop = loop(footprints: [10, 10, 10, 30, 30, 31, 10].map { $0 * megabyte })
        for _ in 0..<7 {
            loop.tick()
            clock.advance(40_000_000)
        }
        #expect(output.events.compactMap(\.value) == [10, 30].map { Double($0 << 20) })
        for _ in 0..<7 {
            loop.tick()
            clock.advance(40_000_000)
        }
        #expect(output.events.compactMap(\.value).last == Double(10 << 20), "and one every 250 ms")
    }

    @Test func eachIterationHasItsOwnPeak() {
        let loop = loop(footprints: [100 << 20, 50 << 20])
        loop.tick()
        loop.tick()
        #expect(output.events.count == 1)
        loop.beginIteration()
        loop.tick()
        #expect(output.events.map(\.value) == [Double(100 << 20), Double(50 << 20)])
    }

    @Test func thermalStateIsWrittenWhenItChanges() {
        let heard = Mutex<[ThermalState]>([])
        let loop = loop(footprints: [1], thermal: [.nominal, .nominal, .fair, .serious, .serious]) { state in
            heard.withLock { $0.append(state) }
        }
        for _ in 0..<6 {
            loop.tick()
            clock.advance(250_000_000)
        }
        #expect(output.events.compactMap(\.state) == ["nominal", "fair", "serious"])
        #expect(heard.withLock { $0 } == [.nominal, .fair, .serious])
    }

    @Test func whatCannotBeReadIsAbsent() {
        let loop = ProbeLoop(
            Recorder(output, firstSeq: 0, clock: clock.clock), memory: { nil }, thermal: { nil }, onThermal: { _ in })
        loop.tick()
        loop.endPhase()
        #expect(output.events.isEmpty)
    }

    /// At the end of a phase everything is written, and the least that was left in it; the next begins anew.
    @Test func aPhaseEndsWithAllThatIsKnown() {
        let readings = Mutex(
            [(100, 40), (100, 30), (100, 60), (70, 90), (90, 80)].map { (footprint: Int64, available: Int64) in
                MemoryReading(footprint: footprint << 20, peak: 120 << 20, available: available << 20, neural: 5 << 20)
            })
        let loop = ProbeLoop(
            Recorder(output, firstSeq: 0, clock: clock.clock),
            memory: { readings.withLock { $0.removeFirst() } }, thermal: { nil }, onThermal: { _ in })
        loop.tick()
        loop.tick()
        loop.endPhase()
        let first = output.events
        #expect(first.map(\.metric) == ["footprint_bytes", "footprint_bytes", "ledger_peak_bytes", "available_bytes", "neural_bytes"])
        #expect(first.compactMap(\.value).dropFirst().map { Int($0) >> 20 } == [100, 120, 30, 5])
        loop.tick()
        loop.endPhase()
        let second = output.events.dropFirst(first.count)
        #expect(second.first { $0.metric == "available_bytes" }?.value == Double(80 << 20), "the phase's own")
    }

    @Test func theSystemsOwnProbeReadsSomethingPlausible() throws {
        let reading = try #require(systemMemoryProbe())
        #expect(reading.footprint > 1 << 20)
        #expect(reading.footprint < 1 << 40)
        // What is touched is counted.
        let block = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 4096)
        defer { block.deallocate() }
        memset(block, 1, 64 << 20)
        let after = try #require(systemMemoryProbe())
        #expect(after.footprint - reading.footprint > 32 << 20, "other tests come and go meanwhile")
    }
}

@Suite struct PayloadFolderTests {
    private let output = MemoryOutput()
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("payloads-\(UUID().uuidString)")

    private func payloads() -> PayloadFolder {
        PayloadFolder(Recorder(output, firstSeq: 0, clock: TestClock().clock), path: folder.path)
    }

    @Test func aPayloadLiesBesideTheEvents() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        payloads().keep("metric") { Data("{}".utf8) }
        let event = try #require(output.events.first)
        let name = try #require(event.file)
        #expect(event.kind == .payload)
        #expect(name.hasPrefix("metrickit-metric-"))
        #expect(try Data(contentsOf: folder.appendingPathComponent(name)) == Data("{}".utf8))
    }

    @Test func whatCannotBeKeptIsAnError() {
        struct Unencodable: Error {}
        payloads().keep("report") { Data() }
        payloads().keep("report") { throw Unencodable() }
        #expect(output.events.map(\.kind) == [.error, .error])
        #expect(output.events.allSatisfy { $0.code == "payload" && $0.message?.hasPrefix("metrickit-report-") == true })
        #expect(output.events.last?.message?.contains("Unencodable") == true)
    }
}

@Suite struct PromptSizerTests {
    @Test(
        arguments: [
            ([1, 5, 6], 3, [1, 5, 6]), ([1, 5, 6], 2, [1, 5]), ([1, 5, 6], 8, [1, 5, 6, 5, 6, 5, 6, 5]),
            ([1], 3, [1, 1, 1]),
            ([5, 6], 5, [5, 6, 5, 6, 5]),
        ] as [([Int32], Int, [Int32])])
    func resizes(_ tokens: [Int32], _ count: Int, _ want: [Int32]) {
        #expect(PromptSizer.resize(tokens, to: count, begin: 1) == want)
    }

    @Test func onlyTheFirstPartBeginsTheText() {
        let (before, prompt) = PromptSizer.split([1, 5, 6, 7], length: 4, depth: 6, begin: 1)
        #expect(before == [1, 5, 6, 7, 5, 6])
        #expect(prompt == [5, 6, 7, 5])
        #expect(PromptSizer.split([1, 5], length: nil, depth: 0, begin: 1) == ([], [1, 5]))
    }
}
