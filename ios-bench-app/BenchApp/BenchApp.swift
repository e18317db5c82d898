import SwiftUI

/// The app of the lab's phones. Launched with `--plan PATH` it carries the plan out and ends; launched by hand it shows
/// what device and model it sees. It measures nothing itself: BenchmarkKit does.
@main
struct BenchApp: App {
    @State private var launch = LaunchModel(
        request: LaunchRequest(
            arguments: CommandLine.arguments, environment: ProcessInfo.processInfo.environment,
            home: URL(fileURLWithPath: NSHomeDirectory())))

    var body: some Scene {
        WindowGroup {
            StatusView(launch: launch).task { await launch.begin() }
        }
    }
}
