/// Why a model cannot be used. Each case says what to do next.
public enum ModelError: Error, Sendable, Equatable {
    case missing(String)
    case malformedManifest(String)
    /// The manifest's own format is newer than this reader.
    case unknownFormat(Int)
    /// This runtime's version is outside the model's range.
    case incompatible(model: String, needs: VersionRange, runtime: SemanticVersion)
    case torn(file: String, reason: String)
    /// The folder is a sound model, but not the one that was asked for.
    case wrongModel(expected: String, found: String)
}

extension ModelError: CustomStringConvertible {
    /// What is wrong and what to do next, in one line.
    public var description: String {
        switch self {
        case .missing(let path):
            "no model at \(path): a model folder holds manifest.json, model.mlpackage and tokenizer.json"
        case .malformedManifest(let reason): "manifest.json: \(reason); convert the model again"
        case .unknownFormat(let format): "manifest.json has format \(format), this runtime reads 1; update the runtime"
        case .incompatible(let model, let needs, let runtime):
            "model \(model) needs runtime \(needs), this is \(runtime); "
                + (runtime < needs.minimum ? "update the runtime" : "convert the model again")
        case .torn(let file, let reason): "\(file): \(reason); copy the model again"
        case .wrongModel(let expected, let found): "the plan asks for model \(expected), the folder holds \(found)"
        }
    }
}
