#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import BenchmarkKit

/// The bundle that this executable lies in, when it plays the app on a virtual iPhone: its Info.plist is beside it.
enum AppBundle {
    private struct Info: Decodable {
        var CFBundleIdentifier: String?
        var LilimsRevision: String?
        var LilimsConfiguration: String?
    }

    /// What the bundle says of the build. Alone in a folder, the executable knows only how it was compiled.
    static func identity() -> AppIdentity {
        var identity = AppIdentity()
        #if os(Linux)
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let file = URL(fileURLWithPath: executable).deletingLastPathComponent().appendingPathComponent("Info.plist")
        if let data = try? Data(contentsOf: file), let info = try? PropertyListDecoder().decode(Info.self, from: data) {
            identity.bundleID = info.CFBundleIdentifier
            identity.revision = info.LilimsRevision
            if let configuration = info.LilimsConfiguration { identity.configuration = configuration }
        }
        #endif
        return identity
    }
}
