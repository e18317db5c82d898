#if canImport(MetricKit) && os(iOS)
import Foundation
import MetricKit
#endif

/// Takes what MetricKit delivers into `payloads`, until it is stopped. Nothing where there is no MetricKit.
func startMetricKit(_ payloads: PayloadFolder) -> any SessionObserver {
    #if canImport(MetricKit) && os(iOS)
    // StateReporting came with the SDK of iOS 27, as MetricManager did: with an older one the old interface is all there is.
    #if canImport(StateReporting)
    if #available(iOS 27.0, *) { return ReportListener(payloads) }
    #endif
    return PayloadListener(payloads)
    #else
    return NoDelivery()
    #endif
}

/// For systems without MetricKit.
struct NoDelivery: SessionObserver {
    func stop() {}
}

#if canImport(MetricKit) && os(iOS)
/// MetricKit of iOS 13 to 26: payloads that write themselves as JSON.
private final class PayloadListener: NSObject, MXMetricManagerSubscriber, SessionObserver {
    private let payloads: PayloadFolder

    init(_ payloads: PayloadFolder) {
        self.payloads = payloads
        super.init()
        MXMetricManager.shared.add(self)
        // What came before this process subscribed.
        didReceive(MXMetricManager.shared.pastPayloads)
        didReceive(MXMetricManager.shared.pastDiagnosticPayloads)
    }

    func didReceive(_ received: [MXMetricPayload]) {
        for payload in received { payloads.keep("metric") { payload.jsonRepresentation() } }
    }

    func didReceive(_ received: [MXDiagnosticPayload]) {
        for payload in received { payloads.keep("diagnostic") { payload.jsonRepresentation() } }
    }

    func stop() { MXMetricManager.shared.remove(self) }
}

#if canImport(StateReporting)
/// MetricKit of iOS 27: reports as sequences that never end, encoded as Codable values are.
@available(iOS 27.0, *)
private final class ReportListener: SessionObserver {
    private let metrics: Task<Void, Never>
    private let diagnostics: Task<Void, Never>

    init(_ payloads: PayloadFolder) {
        let manager = MetricManager()
        metrics = Task.detached(priority: .utility) {
            for await report in manager.metricReports {
                payloads.keep("report") { try JSONEncoder().encode(report) }
            }
        }
        diagnostics = Task.detached(priority: .utility) {
            for await report in manager.diagnosticReports {
                payloads.keep("diagnostic-report") { try JSONEncoder().encode(report) }
            }
        }
    }

    func stop() {
        metrics.cancel()
        diagnostics.cancel()
    }
}
#endif
#endif
