import BenchmarkKit
import CoreMLBackend
import Foundation
import LanguageRuntime
import ModelManager
import Observation

/// Does what the launch asks for and says how far it is.
@MainActor @Observable
final class LaunchModel {
    enum Stage: Equatable {
        case looking(model: String)
        case running(session: String)
        case ended(figures: String)
        case failed(String)
    }

    private(set) var stage = Stage.looking(model: "")
    private let request: LaunchRequest
    private var hasBegun = false

    init(request: LaunchRequest) { self.request = request }

    /// Called when the window appears, which may be more than once.
    func begin() async {
        guard !hasBegun else { return }
        hasBegun = true
        switch request {
        case .look: stage = .looking(model: Self.describeShippedModel())
        case .mistaken(let reason): end(PlanError(reason), code: 2)
        case .plan(let path):
            do { exit(try await run(path).rawValue) } catch let error as PlanError { end(error, code: 2) } catch {
                end(error, code: BenchmarkSession.Result.recordLost.rawValue)
            }
        case .test(let plan):
            do {
                let path = try TestPlan.write(plan)
                _ = try await run(path)
                stage = .ended(figures: try TestPlan.figures(beside: path))
            } catch { stage = .failed(String(describing: error)) }
        }
    }

    private func run(_ path: String) async throws -> BenchmarkSession.Result {
        let identity = AppIdentity(
            bundleID: Bundle.main.bundleIdentifier,
            revision: Bundle.main.object(forInfoDictionaryKey: "LilimsRevision") as? String)
        let environment = SessionEnvironment(
            backend: CoreMLBackend(), identity: identity, environment: ProcessInfo.processInfo.environment)
        let session = try BenchmarkSession(planPath: path, environment: environment)
        stage = .running(session: session.plan.session)
        return try await AwakeTime.during { try await session.run() }
    }

    /// Ends the process as the agent does: the reason on standard error, the code as the exit code.
    private func end(_ error: any Error, code: Int32) -> Never {
        FileHandle.standardError.write(Data("BenchApp: \(error)\n".utf8))
        exit(code)
    }

    /// One line about the model in the bundle.
    private static func describeShippedModel() -> String {
        guard let folder = TestPlan.shippedModel else { return "no model in the bundle" }
        do {
            let manifest = try ModelPackage.open(folder, runtime: runtimeVersion).manifest
            return
                "\(manifest.name) \(manifest.version), \(manifest.sizeBytes.formatted(.byteCount(style: .file))), sound"
        } catch { return String(describing: error) }
    }
}
