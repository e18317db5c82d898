import Foundation
import LanguageRuntime
import MLProgram
import Testing

@testable import ModelManager
@testable import ReferenceExecutor

/// Whole models against an independent forward pass over the same weights.
@Suite struct ModelTests {
    /// Follows every golden case: the prompt by prefill or token by token, then the greedy tokens.
    private func follow(_ model: ReferenceModel, _ golden: Golden, byPrefill: Bool, tolerance: Float) throws {
        for item in golden.cases {
            var feeder = Feeder(model)
            var logits: [Float] = []
            if byPrefill {
                logits = try feeder.prefill(item.ids)
            } else {
                for token in item.ids { logits = try feeder.decode(token) }
            }
            var generated: [Int32] = []
            for fed in 0..<item.greedy.count {
                if let step = item.steps.first(where: { $0.fed == fed }) {
                    let found = golden.positions.map { logits[$0] }
                    let difference = distance(found, step.logits_exact_cache)
                    #expect(difference < tolerance, "\(item.prompt), \(fed) tokens on: logits differ by \(difference)")
                }
                generated.append(argmax(logits))
                logits = try feeder.decode(generated[fed])
            }
            #expect(generated == item.greedy, "\(item.prompt)")
        }
    }

    @Test(arguments: [true, false]) func tinyAgreesWithNumpy(byPrefill: Bool) throws {
        let model = try ReferenceModel(Fixtures.package(Fixtures.tiny), threads: 1)
        try follow(model, Golden.read(Fixtures.tinyGolden), byPrefill: byPrefill, tolerance: 1e-3)
    }

    @Test func storiesAgreesWithNumpy() throws {
        let model = try ReferenceModel(Fixtures.package(Fixtures.stories), threads: 2)
        try follow(model, Golden.read(Fixtures.storiesGolden), byPrefill: true, tolerance: 1e-3)
    }

    @Test func storageInHalfPrecisionStaysNear() throws {
        let model = try ReferenceModel(Fixtures.package(Fixtures.tiny), numerics: .storage16, threads: 1)
        let golden = try Golden.read(Fixtures.tinyGolden)
        var feeder = Feeder(model)
        let logits = try feeder.prefill(golden.cases[0].ids)
        let difference = distance(golden.positions.map { logits[$0] }, golden.cases[0].steps[0].logits)
        #expect(difference < 0.2)
        #expect(difference > 1e-5, "rounding every result cannot be exact")
        #expect(logits.allSatisfy { Float(Float16($0)) == $0 })
    }

    @Test func resultsDoNotDependOnThreads() throws {
        let package = try Fixtures.package(Fixtures.stories)
        let results = try KernelLevel.unchanged {
            try [1, 2, 3].map { threads in
                var feeder = Feeder(try ReferenceModel(package, threads: threads))
                var logits = try feeder.prefill((0..<40).map { Int32($0 * 5 % 250) })
                for _ in 0..<4 { logits = try feeder.decode(argmax(logits)) }
                return logits
            }
        }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }

    @Test func stateIsWrittenInPlaceAndSharedByFunctions() throws {
        let package = try Fixtures.package(Fixtures.tiny)
        let model = try ReferenceModel(package, threads: 1)
        var feeder = Feeder(model)
        #expect(feeder.state.names == ["kv_cache"])
        #expect(feeder.state.tensor("kv_cache")!.floats!.allSatisfy { $0 == 0 })
        _ = try feeder.prefill([1, 2, 3])
        let before = feeder.state.tensor("kv_cache")!
        _ = try feeder.decode(4)
        let after = feeder.state.tensor("kv_cache")!
        let shape = before.shape
        // The decode step wrote slot 3 of every layer and head, and nothing before it.
        for index in before.floats!.indices {
            let slot = index / shape[3] % shape[2]
            if slot < 3 { #expect(before.floats![index] == after.floats![index]) }
        }
        let rows = (0..<shape[0] * shape[1]).map { ($0 * shape[2] + 3) * shape[3] }
        #expect(rows.allSatisfy { after.floats![$0] != before.floats![$0] })
        let body = package.program.functions["decode"]!.body!
        let plan = StatePlan(body, states: ["kv_cache"])
        #expect(plan.inPlaceUpdates.count == body.operations.count { $0.type == "slice_update" })
        #expect(plan.emptyWrites.count == body.operations.count { $0.type == "write_state" })
        #expect(plan.aliasedReads.count == body.operations.count { $0.type == "read_state" })
    }

    @Test func twoStatesDoNotMix() throws {
        let model = try ReferenceModel(Fixtures.package(Fixtures.tiny), threads: 1)
        var alone = Feeder(model)
        let expected = [try alone.prefill([1, 5, 9]), try alone.decode(7)]
        var first = Feeder(model)
        var second = Feeder(model)
        let a = try first.prefill([1, 5, 9])
        _ = try second.prefill([1, 200, 100, 3])
        let b = try first.decode(7)
        #expect([a, b] == expected)
    }

    @Test func backendSpeaksTheContract() async throws {
        let package = try ModelPackage.open(Fixtures.tiny, runtime: runtimeVersion)
        let loaded = try await ReferenceBackend(threads: 1).load(package, units: .all)
        #expect(loaded.notes.contains { $0.contains("only the CPU") })
        let golden = try Golden.read(Fixtures.tinyGolden)
        let item = golden.cases[0]
        let state = try loaded.makeState()
        var map = SlotMap(capacity: package.manifest.context, window: package.manifest.context)
        for slot in item.ids.indices { map[slot] = Int32(slot) }
        let chunk = package.manifest.prefillChunk
        let step = ModelStep(
            function: .prefill, tokens: item.ids + [Int32](repeating: 0, count: chunk - item.ids.count), count: item.ids.count,
            positions: (0..<chunk).map { Int32(min($0, item.ids.count - 1)) }, slot: 0, slotPositions: map,
            lastIndex: item.ids.count - 1)
        let logits = try await loaded.logits(step, state: state)
        #expect(distance(golden.positions.map { logits[$0] }, item.steps[0].logits_exact_cache) < 1e-3)
        #expect(try await loaded.logProbabilities(step, targets: step.tokens, state: state) == nil)
    }

    /// A score function by the contract, though without a network behind it (Fixtures/ops).
    @Test func backendScores() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("score-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("model.mlpackage"),
            withDestinationURL: OperationTests.folder.appendingPathComponent("ops.mlpackage"))
        let text = try Data(contentsOf: Fixtures.tiny.appendingPathComponent("manifest.json"))
        var manifest = try JSONDecoder().decode(ModelManifest.self, from: text)
        manifest.functions = ModelManifest.Functions(prefill: "abs", decode: "abs", score: "score_contract")
        let package = ModelPackage(folder: folder, manifest: manifest, verification: .sizes)
        let loaded = try await ReferenceBackend(threads: 1).load(package, units: .cpuOnly)
        #expect(loaded.notes.count == 1)
        var map = SlotMap(capacity: 8, window: 8)
        for slot in 0..<3 { map[slot] = Int32(slot) }
        let step = ModelStep(
            function: .score, tokens: [4, 6, 8], count: 3, positions: [0, 1, 2], slot: 0, slotPositions: map, lastIndex: 2)
        let state = try loaded.makeState()
        #expect(try await loaded.logProbabilities(step, targets: [2, 2, 3], state: state) == [-3, -4, -5.5])
        await #expect(throws: ProgramError.self) { try await loaded.logits(step, state: state) }
    }

    @Test func badInputsAreNamed() throws {
        let model = try ReferenceModel(Fixtures.package(Fixtures.tiny), threads: 1)
        var feeder = Feeder(model)
        #expect(throws: ProgramError.self) { try feeder.decode(100_000) }
        #expect(throws: ProgramError.self) { try model.run("decode", [:], state: model.makeState()) }
        #expect(throws: ProgramError.self) { try model.run("encode", [:]) }
        do {
            _ = try feeder.decode(100_000)
        } catch let error as ProgramError {
            #expect(error.kind == .badInput)
            #expect(error.operation?.hasPrefix("decode/gather") == true)
        }
        // A cache slot beyond the end.
        var full = Feeder(model)
        for token in 0..<64 { _ = try full.decode(Int32(token)) }
        #expect(throws: ProgramError.self) { try full.decode(1) }
    }
}
