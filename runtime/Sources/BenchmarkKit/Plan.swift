#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import LanguageRuntime

/// plan.json: what one launch is to do. The fields are those of `Task` in harness/wire; what is absent there is zero here.
public struct Plan: Sendable, Equatable, Decodable {
    public var v: Int
    public var run: String
    public var session: String
    /// Folder of the model, relative to the plan's folder.
    public var model: String
    public var modelHash: String
    public var firstEver: Bool
    public var prompt: String
    /// Exact length of the prompt in tokens; nil: as it encodes.
    public var promptTokens: Int?
    public var generateTokens: Int
    public var stopAtEnd: Bool
    /// Tokens in the cache before the prompt.
    public var kvDepth: Int
    /// Text whose perplexity is measured after the iterations; nil: none.
    public var scoreText: String?
    public var warmups: Int
    public var iterations: Int
    /// Generate for this long instead of `iterations`, ns; nil: no soak.
    public var duration: Int64?
    /// Go on after `iterations` until they have lasted this long, ns; nil: no longer than they take.
    public var minimumWork: Int64?
    public var computeUnits: ComputeUnits
    public var temperature: Double
    public var topK: Int?
    public var seed: UInt64
    /// State at which the session ends; nil: none.
    public var abortThermal: ThermalState?

    enum CodingKeys: String, CodingKey {
        case v, run, session, model, prompt, warmups, iterations, temperature, seed
        case modelHash = "model_hash"
        case firstEver = "first_ever"
        case promptTokens = "prompt_tokens"
        case generateTokens = "generate_tokens"
        case stopAtEnd = "stop_at_end"
        case kvDepth = "kv_depth"
        case scoreText = "score_text"
        case duration = "duration_ns"
        case minimumWork = "min_work_ns"
        case computeUnits = "compute_units"
        case topK = "top_k"
        case abortThermal = "abort_thermal"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        v = try fields.decode(Int.self, forKey: .v)
        run = try fields.decode(String.self, forKey: .run)
        session = try fields.decode(String.self, forKey: .session)
        model = try fields.decode(String.self, forKey: .model)
        modelHash = try fields.decode(String.self, forKey: .modelHash)
        firstEver = try fields.decode(Bool.self, forKey: .firstEver)
        prompt = try fields.decode(String.self, forKey: .prompt)
        promptTokens = try fields.decodeIfPresent(Int.self, forKey: .promptTokens)
        generateTokens = try fields.decode(Int.self, forKey: .generateTokens)
        stopAtEnd = try fields.decodeIfPresent(Bool.self, forKey: .stopAtEnd) ?? false
        kvDepth = try fields.decodeIfPresent(Int.self, forKey: .kvDepth) ?? 0
        scoreText = try fields.decodeIfPresent(String.self, forKey: .scoreText)
        warmups = try fields.decode(Int.self, forKey: .warmups)
        iterations = try fields.decode(Int.self, forKey: .iterations)
        duration = try fields.decodeIfPresent(Int64.self, forKey: .duration)
        minimumWork = try fields.decodeIfPresent(Int64.self, forKey: .minimumWork)
        computeUnits = try fields.decode(ComputeUnits.self, forKey: .computeUnits)
        temperature = try fields.decode(Double.self, forKey: .temperature)
        topK = try fields.decodeIfPresent(Int.self, forKey: .topK)
        seed = try fields.decodeIfPresent(UInt64.self, forKey: .seed) ?? 0
        abortThermal = try fields.decodeIfPresent(ThermalState.self, forKey: .abortThermal)
    }

    /// Reads plan.json.
    ///
    /// - Throws: `PlanError`.
    public static func read(_ path: String) throws -> Plan {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
            throw PlanError("\(path): cannot be read")
        }
        do {
            let plan = try JSONDecoder().decode(Plan.self, from: data)
            try plan.check()
            return plan
        } catch let error as PlanError {
            throw PlanError("\(path): \(error.reason)")
        } catch {
            throw PlanError("\(path): \(error)")
        }
    }

    private func check() throws {
        if v > wireVersion { throw PlanError("schema \(v) is newer than this app's \(wireVersion); update the app") }
        for (name, value) in [("warmups", warmups), ("iterations", iterations), ("kv_depth", kvDepth)] where value < 0 {
            throw PlanError("\(name) is \(value)")
        }
        if generateTokens < 1 { throw PlanError("generate_tokens is \(generateTokens)") }
        if let promptTokens, promptTokens < 1 { throw PlanError("prompt_tokens is \(promptTokens)") }
        if let duration, duration < 1 { throw PlanError("duration_ns is \(duration)") }
        if let minimumWork, minimumWork < 1 { throw PlanError("min_work_ns is \(minimumWork)") }
        if let topK, topK < 1 { throw PlanError("top_k is \(topK)") }
        if !(temperature >= 0 && temperature.isFinite) { throw PlanError("temperature is \(temperature)") }
    }
}

/// What is wrong with a plan.
public struct PlanError: Error, Sendable, Equatable, CustomStringConvertible {
    public var reason: String
    public init(_ reason: String) { self.reason = reason }
    public var description: String { "plan: \(reason)" }
}

/// `ProcessInfo.ThermalState` by the names that the harness uses, coolest first.
public enum ThermalState: String, Sendable, Codable, CaseIterable, Comparable {
    case nominal, fair, serious, critical

    /// Cooler comes first.
    public static func < (a: ThermalState, b: ThermalState) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .nominal: 0
        case .fair: 1
        case .serious: 2
        case .critical: 3
        }
    }
}
