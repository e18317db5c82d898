import Foundation

/// What the app was launched for.
enum LaunchRequest: Equatable {
    /// The host's plan. The app ends with the session, so that the host sees its exit code.
    case plan(path: String)
    /// A UI test's plan, as JSON text. The app stays and shows the figures.
    case test(plan: String)
    /// A person.
    case look
    case mistaken(String)

    /// - Parameter home: the app's container. The host names plans by their place in it; the working folder of an app is
    ///   not in it.
    init(arguments: [String], environment: [String: String], home: URL) {
        if let plan = environment["LILIMS_TEST_PLAN"] {
            self = .test(plan: plan)
            return
        }
        guard let option = arguments.firstIndex(where: { $0 == "--plan" || $0.hasPrefix("--plan=") }) else {
            self = .look
            return
        }
        let word = arguments[option]
        let path = word == "--plan" ? arguments.dropFirst(option + 1).first : String(word.dropFirst("--plan=".count))
        guard let path, !path.isEmpty else {
            self = .mistaken("--plan needs a path")
            return
        }
        self = .plan(path: path.hasPrefix("/") ? path : home.appending(path: path).path)
    }
}
