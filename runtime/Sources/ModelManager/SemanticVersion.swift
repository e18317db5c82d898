/// A version by the rules of semver.org 2.0.0. Build metadata is read and ignored.
public struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var major: Int
    public var minor: Int
    public var patch: Int
    /// The dot-separated identifiers after "-"; empty for a release.
    public var prerelease: [String]

    public init(_ major: Int, _ minor: Int, _ patch: Int, prerelease: [String] = []) {
        self.major = major
        self.minor = minor
        self.patch = patch
        self.prerelease = prerelease
    }

    /// Reads "1.2.3", "1.2.3-beta.1" or "1.2.3+build"; nil for anything else.
    public init?(_ text: String) {
        let withoutBuild = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let halves = withoutBuild.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = halves[0].split(separator: ".", omittingEmptySubsequences: false).map(Self.number)
        guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else {
            return nil
        }
        var identifiers: [String] = []
        if halves.count == 2 {
            identifiers = halves[1].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard identifiers.allSatisfy(Self.isIdentifier) else { return nil }
        }
        self.init(major, minor, patch, prerelease: identifiers)
    }

    public var description: String {
        let core = "\(major).\(minor).\(patch)"
        return prerelease.isEmpty ? core : core + "-" + prerelease.joined(separator: ".")
    }

    public static func < (a: SemanticVersion, b: SemanticVersion) -> Bool {
        let left = (a.major, a.minor, a.patch)
        let right = (b.major, b.minor, b.patch)
        if left != right { return left < right }
        // A release is above its pre-releases.
        if a.prerelease.isEmpty || b.prerelease.isEmpty { return !a.prerelease.isEmpty && b.prerelease.isEmpty }
        for (x, y) in zip(a.prerelease, b.prerelease) where x != y {
            switch (Int(x), Int(y)) {
            case (let m?, let n?): return m < n
            case (.some, nil): return true  // numbers are below words
            case (nil, .some): return false
            case (nil, nil): return x.utf8.lexicographicallyPrecedes(y.utf8)
            }
        }
        return a.prerelease.count < b.prerelease.count
    }

    /// A number without sign or leading zero.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), text == "0" || text.first != "0" else {
            return nil
        }
        return Int(text)
    }

    private static func isIdentifier(_ text: String) -> Bool {
        let isNumeric = text.utf8.allSatisfy { (48...57).contains($0) }
        if isNumeric { return number(text[...]) != nil }
        return text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
        }
    }
}

extension SemanticVersion: Codable {
    /// Reads a string.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let version = SemanticVersion(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is not a semantic version")
        }
        self = version
    }

    /// Writes a string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// The runtime versions that a model works with: `minimum <= v < below`.
public struct VersionRange: Sendable, Hashable, Codable, CustomStringConvertible {
    public var minimum: SemanticVersion
    /// First version that it no longer works with; nil: no upper end.
    public var below: SemanticVersion?

    public init(minimum: SemanticVersion, below: SemanticVersion? = nil) {
        self.minimum = minimum
        self.below = below
    }

    /// Whether the range has `version`. Pre-releases of `below` are outside: 2.0.0-beta already breaks what 2.0.0 breaks.
    public func contains(_ version: SemanticVersion) -> Bool {
        guard version >= minimum else { return false }
        guard let below else { return true }
        let release = SemanticVersion(version.major, version.minor, version.patch)
        return release < below
    }

    public var description: String { below.map { ">= \(minimum) and < \($0)" } ?? ">= \(minimum)" }
}
