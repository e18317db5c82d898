#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import LanguageRuntime
import ModelManager

/// One launch of the app: a plan in, event lines out.
///
/// Whatever happens is an event: a model that cannot be loaded, a generation that fails, a device that gets too hot. The
/// one thing that cannot be recorded is that the record cannot be written; that is the result `recordLost`.
public final class BenchmarkSession: Sendable {
    /// How the launch ended; the raw value is the process's exit code.
    public enum Result: Int32, Sendable {
        /// Carried out, or ended by the plan's own thermal rule.
        case complete = 0
        case modelUnusable = 3
        case generationFailed = 4
        case recordLost = 5
    }

    public let plan: Plan
    private let folder: String
    private let eventsPath: String
    private let environment: SessionEnvironment

    /// Reads the plan. Events go to events.jsonl beside it.
    ///
    /// - Throws: `PlanError`.
    public init(planPath: String, environment: SessionEnvironment) throws {
        plan = try Plan.read(planPath)
        let slash = planPath.lastIndex(of: "/")
        folder = slash.map { $0 == planPath.startIndex ? "/" : String(planPath[..<$0]) } ?? "."
        eventsPath = folder + "/events.jsonl"
        self.environment = environment
    }

    /// Carries the plan out. A plan that an earlier launch carried out is left as it is.
    ///
    /// - Throws: `RecordError` when the event file cannot be opened.
    public func run() async throws -> Result {
        let earlier = EarlierEvents(contentsOf: eventsPath)
        if earlier.isComplete { return .complete }
        let output = try environment.openOutput(eventsPath)
        if earlier.endsInMidLine { try output.append([0x0A]) }
        let recorder = Recorder(output, firstSeq: earlier.nextSeq, clock: environment.clock)
        sayHello(recorder)
        let stop = StopSignal()
        let abort = plan.abortThermal
        let probes = ProbeLoop(recorder, memory: environment.memory, thermal: environment.thermal) { state in
            if let abort, state >= abort { stop.stop(.thermal(state)) }
        }
        probes.tick()
        let observer = environment.startObserver(recorder, folder)
        let sampling = Task.detached(priority: .high) { await probes.run() }
        let result = await carryOut(earlier, recorder, probes, stop)
        sampling.cancel()
        await sampling.value
        observer.stop()
        probes.endPhase()
        recorder.enter(.idle, iteration: nil)
        recorder.record(.end) {
            $0.count = result.count
            $0.reason = result.reason
        }
        return recorder.failure == nil ? result.result : .recordLost
    }

    private func sayHello(_ recorder: Recorder) {
        let system = SystemDescription.read()
        recorder.record(.hello) { event in
            event.session = plan.session
            event.agent = runtimeVersion.description
            event.pid = Int(getpid())
            event.bundleID = environment.identity.bundleID
            event.revision = environment.identity.revision
            event.configuration = environment.identity.configuration
            event.backend = environment.backend.name
            event.computeUnits = plan.computeUnits.rawValue
            event.os = system.os
            event.machine = system.machine
            event.memoryBytes = system.memoryBytes
            event.lowPower = environment.lowPower()
            event.unixNs = environment.unixTime()
        }
    }

    private struct Ending {
        var result: Result
        var reason: String
        var count: Int
    }

    private func carryOut(
        _ earlier: EarlierEvents, _ recorder: Recorder, _ probes: ProbeLoop, _ stop: StopSignal
    ) async -> Ending {
        var machine = SessionMachine(plan, ended: earlier.ended)
        let loader = ModelLoader(plan: plan, folder: folder, environment: environment, recorder: recorder)
        let isFirstLaunch = earlier.nextSeq == 0
        let iterations: IterationRunner
        do {
            let generator = try await loader.load(plan.firstEver && isFirstLaunch ? .firstEver : .cold)
            probes.endPhase()
            iterations = try IterationRunner(plan, generator, recorder, probes, stop, environment.signposts)
        } catch {
            loader.record(error)
            return Ending(result: .modelUnusable, reason: "error", count: machine.count)
        }
        while recorder.failure == nil {
            if case .thermal = stop.cause { return Ending(result: .complete, reason: "thermal", count: machine.count) }
            switch machine.action(at: environment.clock.now()) {
            case .iterate(let index, let warmup):
                let succeeded = await iterations.run(index, warmup: warmup, deadline: machine.deadline)
                machine.finished(index)
                if !succeeded { return Ending(result: .generationFailed, reason: "error", count: machine.count) }
            case .end(let reason):
                await iterations.score()
                iterations.release()
                return await reload(loader, Ending(result: .complete, reason: reason, count: machine.count))
            }
        }
        return Ending(result: .recordLost, reason: "error", count: machine.count)
    }

    /// Loads the model once more, for the figure of a warm load: last, so that the first iteration is that of a process
    /// that has loaded once, and the peak memory that of one copy.
    private func reload(_ loader: ModelLoader, _ ending: Ending) async -> Ending {
        do {
            _ = try await loader.load(.warm)
            return ending
        } catch {
            loader.record(error)
            return Ending(result: .modelUnusable, reason: "error", count: ending.count)
        }
    }
}
