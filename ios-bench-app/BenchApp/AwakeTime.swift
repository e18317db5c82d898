import UIKit

/// Keeps the phone awake and asks for background time while work is done, so that a session survives a glance at
/// another app. The system grants about half a minute; what is cut off then, the next launch takes up.
@MainActor
enum AwakeTime {
    static func during<Result: Sendable>(_ work: @Sendable () async throws -> Result) async rethrows -> Result {
        let application = UIApplication.shared
        let wasDisabled = application.isIdleTimerDisabled
        application.isIdleTimerDisabled = true
        let grant = Grant(application)
        defer {
            application.isIdleTimerDisabled = wasDisabled
            grant.giveBack()
        }
        return try await work()
    }

    /// Background time, given back once: at the end of the work or when the system wants it.
    @MainActor
    private final class Grant {
        private let application: UIApplication
        private var identifier = UIBackgroundTaskIdentifier.invalid

        init(_ application: UIApplication) {
            self.application = application
            identifier = application.beginBackgroundTask(withName: "bench session") { [weak self] in self?.giveBack() }
        }

        func giveBack() {
            guard identifier != .invalid else { return }
            application.endBackgroundTask(identifier)
            identifier = .invalid
        }
    }
}
