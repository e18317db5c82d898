#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads the device's thermal state; nil where nothing tells it.
public typealias ThermalProbe = @Sendable () -> ThermalState?

/// The system's thermal state. Linux has none; a virtual iPhone there keeps its state in a JSON file, which it names in
/// VIRTUAL_IPHONE_STATE and replaces whenever something changes.
public func systemThermalProbe(environment: [String: String]) -> ThermalProbe {
    #if canImport(Darwin)
    return {
        switch ProcessInfo.processInfo.thermalState {
        case .nominal: .nominal
        case .fair: .fair
        case .serious: .serious
        case .critical: .critical
        @unknown default: nil
        }
    }
    #else
    guard let path = environment["VIRTUAL_IPHONE_STATE"] else { return { nil } }
    return {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)),
            let state = try? JSONDecoder().decode(VirtualPhoneState.self, from: data)
        else { return nil }
        return state.thermal.flatMap(ThermalState.init(rawValue:))
    }
    #endif
}

/// What the probe reads of a virtual iPhone's state file.
private struct VirtualPhoneState: Decodable {
    var thermal: String?
}

/// Whether the device saves power; nil where nothing tells it.
public func readLowPowerMode() -> Bool? {
    #if os(iOS) || os(macOS)
    return ProcessInfo.processInfo.isLowPowerModeEnabled
    #else
    return nil
    #endif
}
