// Stand-in for MetricKit: the signatures that this package uses, as developer.apple.com/documentation/metrickit gives
// them for iOS 13 to 26 and for iOS 27. Nothing here runs.
import Foundation
import os

public class MXPayload: NSObject {
    public func jsonRepresentation() -> Data { Data() }
}
public class MXMetricPayload: MXPayload {}
public class MXDiagnosticPayload: MXPayload {}

public protocol MXMetricManagerSubscriber: NSObjectProtocol {
    func didReceive(_ payloads: [MXMetricPayload])
    func didReceive(_ payloads: [MXDiagnosticPayload])
}

public final class MXMetricManager: NSObject {
    public class var shared: MXMetricManager { MXMetricManager() }
    public static func makeLogHandle(category: String) -> OSLog { fatalError() }
    public func add(_ subscriber: any MXMetricManagerSubscriber) {}
    public func remove(_ subscriber: any MXMetricManagerSubscriber) {}
    public var pastPayloads: [MXMetricPayload] { [] }
    public var pastDiagnosticPayloads: [MXDiagnosticPayload] { [] }
}

public enum OSSignpostType: Sendable { case begin, end, event }

public func mxSignpost(_ type: OSSignpostType, log: OSLog, name: StaticString) {}

public struct MetricReport: Codable, Sendable {}
public struct DiagnosticReport: Codable, Sendable {}

public final class MetricManager: Sendable {
    public init() {}
    public static func logHandle(category: String) -> OSLog { fatalError() }
    public var metricReports: some AsyncSequence<MetricReport, Never> { AsyncStream { $0.finish() } }
    public var diagnosticReports: some AsyncSequence<DiagnosticReport, Never> { AsyncStream { $0.finish() } }
}
