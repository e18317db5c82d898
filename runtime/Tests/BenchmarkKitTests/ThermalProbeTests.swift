#if !canImport(Darwin)
import FoundationEssentials
import Testing

@testable import BenchmarkKit

@Suite struct ThermalProbeTests {
    /// A state file with the given text, and a probe that reads it.
    private func probe(_ text: String?) throws -> ThermalState? {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "thermal-\(UInt64.random(in: 0 ... .max)).json")
        defer { try? FileManager.default.removeItem(at: file) }
        if let text { try Data(text.utf8).write(to: file) }
        return systemThermalProbe(environment: ["VIRTUAL_IPHONE_STATE": file.path])()
    }

    @Test func readsTheVirtualPhonesState() throws {
        #expect(try probe(#"{"thermal":"serious","battery_percent":80}"#) == .serious)
    }

    @Test(arguments: [nil, "", "{", #"{"battery_percent":80}"#, #"{"thermal":"tepid"}"#])
    func whatItCannotReadIsAbsent(_ text: String?) throws {
        #expect(try probe(text) == nil)
    }

    @Test func aPlainHostTellsNothing() {
        #expect(systemThermalProbe(environment: [:])() == nil)
    }
}
#endif
