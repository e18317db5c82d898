import FakeModel
import ModelManager
import Testing
import Tokenizer

@testable import LanguageRuntime

/// What goes wrong comes out as one of the runtime's own errors, with numbers in its words.
@Suite struct ErrorTests {
    private struct Broken: Error, CustomStringConvertible { let description = "unknown operation foo" }

    @Test func loadFailure() async throws {
        var backend = FakeBackend()
        backend.onLoad = { throw Broken() }
        let package = try Fixtures.tinyPackage()
        await #expect(throws: RuntimeError.loadFailed("unknown operation foo")) {
            try await Generator.load(package, backend: backend)
        }
    }

    @Test func modelThatDoesNotFitIsRefusedBeforeItIsLoaded() async throws {
        var backend = FakeBackend()
        let loads = Counter()
        backend.onLoad = { loads.increment() }
        let package = try Fixtures.tinyPackage()
        let meter = MemoryMeter(floor: 1000) { 2000 }
        let needed = package.manifest.cacheBytes(tokens: package.manifest.context) + 1000
        await #expect(throws: RuntimeError.outOfMemory(needed: needed, available: 2000)) {
            try await Generator.load(package, backend: backend, memory: meter)
        }
        #expect(loads.value == 0)
    }

    /// Memory runs out while tokens are generated: what came before was handed over, then the error.
    @Test func outOfMemoryInMidGeneration() async throws {
        let steps = Counter()
        var backend = FakeBackend()
        backend.onStep = { _ in
            if steps.increment() == 6 { throw RuntimeError.outOfMemory(needed: 1 << 20, available: 5) }
        }
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: backend)
        let stream = generator.generate(prompt: "a", options: GenerationOptions(maximumTokens: 50, stopsAtEnd: false))
        var count = 0
        await #expect(throws: RuntimeError.outOfMemory(needed: 1 << 20, available: 5)) {
            for try await _ in stream { count += 1 }
        }
        #expect(count == 5)
    }

    @Test func memoryFloorEndsTheGeneration() async throws {
        let reads = Counter()
        let meter = MemoryMeter(floor: 100) { reads.increment() > 8 ? 50 : 1 << 30 }
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: FakeBackend(), memory: meter)
        await #expect(throws: RuntimeError.outOfMemory(needed: 100, available: 50)) {
            try await generator.startConversation().generate([1, 2], GenerationOptions(maximumTokens: 50)) { _ in }
        }
    }

    /// iOS reports 0 to a process without a limit: taken for "nothing left", it would refuse every model there.
    @Test func noLimitIsNoReading() async throws {
        #expect(memoryBelowLimit(reported: 0) == nil)
        #expect(memoryBelowLimit(reported: 4096) == 4096)
        let meter = MemoryMeter { memoryBelowLimit(reported: 0) }
        _ = try await Generator.load(Fixtures.tinyPackage(), backend: FakeBackend(), memory: meter)
    }

    @Test func promptTooLong() async throws {
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: FakeBackend())
        let prompt = [Int32](repeating: 5, count: 65)
        await #expect(throws: RuntimeError.promptTooLong(tokens: 65, limit: 64)) {
            try await generator.startConversation().generate(prompt, GenerationOptions()) { _ in }
        }
    }

    @Test func emptyPrompt() async throws {
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: FakeBackend())
        await #expect(throws: RuntimeError.emptyPrompt) {
            try await generator.startConversation().generate([], GenerationOptions()) { _ in }
        }
    }

    @Test func backendFailureKeepsItsWords() async throws {
        var backend = FakeBackend()
        backend.onStep = { _ in throw Broken() }
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: backend)
        await #expect(throws: RuntimeError.backend("unknown operation foo")) {
            try await generator.startConversation().generate([1], GenerationOptions()) { _ in }
        }
    }

    @Test func delegateHearsOfTheFailure() async throws {
        var backend = FakeBackend()
        backend.onStep = { _ in throw Broken() }
        let generator = try await Generator.load(Fixtures.tinyPackage(), backend: backend)
        let delegate = FailureLog()
        await #expect(throws: RuntimeError.self) { try await generator.generate(prompt: "a", stream: delegate) }
        #expect(delegate.failures.value == 1)
        #expect(delegate.others.value == 0)
    }

    @Test func codesAreThoseOfTheEventLines() {
        #expect(RuntimeError.loadFailed("").code == "load_failed")
        #expect(RuntimeError.incompatibleModel("").code == "incompatible_model")
        #expect(RuntimeError.outOfMemory(needed: 1, available: nil).code == "out_of_memory")
        #expect(RuntimeError.backend("").code == "backend")
    }
}

private final class FailureLog: TokenStreamDelegate {
    let failures = Counter()
    let others = Counter()
    func generator(didGenerate token: GeneratedToken) async { others.increment() }
    func generator(didFinish summary: GenerationSummary) async { others.increment() }
    func generator(didFail error: any Error) async { failures.increment() }
}
