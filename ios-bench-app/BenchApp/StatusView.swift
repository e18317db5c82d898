import BenchmarkKit
import LanguageRuntime
import SwiftUI

/// Device, model and stage, in words. It changes only when the stage does, so that drawing costs a session nothing.
struct StatusView: View {
    let launch: LaunchModel

    var body: some View {
        List {
            Section("This device") {
                LabeledContent("System", value: ProcessInfo.processInfo.operatingSystemVersionString)
                LabeledContent(
                    "Memory", value: Int64(ProcessInfo.processInfo.physicalMemory).formatted(.byteCount(style: .memory))
                )
                LabeledContent("Runtime", value: runtimeVersion.description)
            }
            switch launch.stage {
            case .looking(let model):
                Section("Model") { Text(model) }
                Section {
                    Text("The lab launches this app with a plan. Nothing is measured when it is opened by hand.")
                }
            case .running(let session):
                Section("Session") {
                    Text(session)
                    Text("Running. Leave the phone alone.").accessibilityIdentifier("bench.running")
                }
            case .ended(let figures):
                Section("Figures") {
                    Text(figures).font(.footnote.monospaced()).accessibilityIdentifier("bench.figures")
                }
            case .failed(let reason):
                Section("Failed") { Text(reason).accessibilityIdentifier("bench.failed") }
            }
        }
    }
}
