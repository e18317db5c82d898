import BenchmarkKit
import Foundation

/// Plans that UI tests hand over as text: they cannot write into the app's container themselves.
enum TestPlan {
    /// The model in the bundle, where the build has one.
    static var shippedModel: URL? { Bundle.main.url(forResource: "stories-1m", withExtension: nil) }

    /// Writes the plan into a new folder and returns its path. `@model` in it stands for the shipped model's folder.
    static func write(_ plan: String) throws -> String {
        guard let model = shippedModel else { throw PlanError("the bundle has no model") }
        let folder = URL.documentsDirectory.appending(path: "bench/tests/\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "plan.json")
        try Data(plan.replacing("@model", with: model.path).utf8).write(to: file)
        return file.path
    }

    /// What the session beside the plan recorded, as JSON.
    static func figures(beside plan: String) throws -> String {
        let events = URL(fileURLWithPath: plan).deletingLastPathComponent().appending(path: "events.jsonl")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(SessionFigures.read(events.path)), as: UTF8.self)
    }
}
