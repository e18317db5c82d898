#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads the device's thermal state; nil where nothing tells it.
public typealias ThermalProbe = @Sendable () -> ThermalState?

/// The system's thermal state. Linux has none; a host that plays a phone there writes the state's name to a file and
/// names it in LILIMS_THERMAL_FILE.
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
    guard let path = environment["LILIMS_THERMAL_FILE"] else { return { nil } }
    return {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else { return nil }
        let name = String(decoding: data, as: UTF8.self).filter { $0.isLetter }
        return ThermalState(rawValue: name)
    }
    #endif
}

/// Whether the device saves power; nil where nothing tells it.
public func readLowPowerMode() -> Bool? {
    #if os(iOS) || os(macOS)
    return ProcessInfo.processInfo.isLowPowerModeEnabled
    #else
    return nil
    #endif
}
