import XCTest

/// Launches the app with a plan and looks at the figures that BenchmarkKit recorded. Energy is not among them: no
/// interface on the phone tells an app's energy, so the lab reads the battery's gauge from the host.
@MainActor
final class GenerationUITests: XCTestCase {
    private struct Figures: Decodable {
        struct Iteration: Decodable {
            var warmup: Bool
            var outcome: String?
            var tokens: Int
            var decodeTokensPerSecond: Double?
            var timeToFirstTokenSeconds: Double?
            var peakFootprintBytes: Double?
        }
        var iterations: [Iteration]
        var loadSeconds: [String: Double]
        var errors: [String]
        var endReason: String?
    }

    private static func plan(generate: Int, warmups: Int, iterations: Int, hash: String) -> String {
        """
        {"v":1,"run":"ui-test","session":"ui-test","model":"@model","model_hash":"\(hash)","first_ever":false,\
        "prompt":"Once upon a time","prompt_tokens":32,"generate_tokens":\(generate),"warmups":\(warmups),\
        "iterations":\(iterations),"compute_units":"all","temperature":0}
        """
    }

    /// The shipped model's hash, from the manifest in the tests' environment (TEST_RUNNER_LILIMS_MODEL_HASH).
    private func modelHash() throws -> String {
        let hash = ProcessInfo.processInfo.environment["LILIMS_MODEL_HASH"]
        return try XCTUnwrap(hash, "set TEST_RUNNER_LILIMS_MODEL_HASH to the shipped model's hash")
    }

    private func run(_ plan: String, _ app: XCUIApplication = XCUIApplication()) throws -> Figures {
        app.launchEnvironment["LILIMS_TEST_PLAN"] = plan
        app.launch()
        let shown = app.staticTexts["bench.figures"]
        XCTAssertTrue(shown.waitForExistence(timeout: 300), app.staticTexts["bench.failed"].firstMatch.label)
        let attachment = XCTAttachment(string: shown.label)
        attachment.name = "figures.json"
        attachment.lifetime = .keepAlways
        add(attachment)
        return try JSONDecoder().decode(Figures.self, from: Data(shown.label.utf8))
    }

    func testGenerationIsMeasured() throws {
        let figures = try run(Self.plan(generate: 64, warmups: 1, iterations: 3, hash: modelHash()))
        XCTAssertEqual(figures.errors, [])
        XCTAssertEqual(figures.endReason, "complete")
        XCTAssertEqual(figures.iterations.count, 4)
        for iteration in figures.iterations {
            XCTAssertEqual(iteration.outcome, "ok")
            XCTAssertEqual(iteration.tokens, 64)
            XCTAssertGreaterThan(try XCTUnwrap(iteration.decodeTokensPerSecond), 0)
            XCTAssertLessThan(try XCTUnwrap(iteration.timeToFirstTokenSeconds), 3, "the product's limit on an A17 Pro")
            XCTAssertGreaterThan(try XCTUnwrap(iteration.peakFootprintBytes), 0)
        }
        XCTAssertNotNil(figures.loadSeconds["cold"])
        XCTAssertNotNil(figures.loadSeconds["warm"])
    }

    /// CPU time and memory of the app process over a session, by Xcode's own metrics, beside the app's.
    func testProcessorAndMemory() throws {
        let plan = try Self.plan(generate: 128, warmups: 0, iterations: 1, hash: modelHash())
        let app = XCUIApplication()
        let options = XCTMeasureOptions()
        options.iterationCount = 3
        measure(metrics: [XCTCPUMetric(application: app), XCTMemoryMetric(application: app)], options: options) {
            // Not XCTAssertNoThrow: a `try` in its autoclosure would make this block a throwing one, which measure does not take.
            do { _ = try run(plan, app) } catch { XCTFail("the session was not measured: \(error)") }
            app.terminate()
        }
    }

    func testAModelThatIsNotThereIsSaid() throws {
        let figures = try run(Self.plan(generate: 4, warmups: 0, iterations: 1, hash: "0000"))
        XCTAssertEqual(figures.endReason, "error")
        XCTAssertEqual(figures.iterations.count, 0)
        XCTAssertTrue(figures.errors.contains { $0.hasPrefix("load_failed") })
    }
}
