import Testing

@testable import ModelManager

@Suite struct SemanticVersionTests {
    @Test(arguments: [
        ("1.2.3", SemanticVersion(1, 2, 3)), ("0.0.0", SemanticVersion(0, 0, 0)),
        ("1.0.0-beta.11", SemanticVersion(1, 0, 0, prerelease: ["beta", "11"])),
        ("2.0.0+build.5", SemanticVersion(2, 0, 0)),
        ("1.0.0-x-y.z+meta", SemanticVersion(1, 0, 0, prerelease: ["x-y", "z"])),
    ])
    func reads(_ text: String, _ want: SemanticVersion) { #expect(SemanticVersion(text) == want) }

    @Test(arguments: [
        "", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.-2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2. 3",
    ])
    func refuses(_ text: String) { #expect(SemanticVersion(text) == nil) }

    /// The order that semver.org gives in section 11.
    @Test func orders() throws {
        let ascending = [
            "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0",
        ].compactMap { SemanticVersion($0) }
        #expect(ascending.count == 12)
        #expect(ascending.shuffled().sorted() == ascending)
    }

    @Test func rangeExcludesItsUpperEndAndThatVersionsPreReleases() {
        let range = VersionRange(minimum: SemanticVersion(1, 0, 0), below: SemanticVersion(2, 0, 0))
        #expect(range.contains(SemanticVersion(1, 0, 0)))
        #expect(range.contains(SemanticVersion(1, 99, 0)))
        #expect(!range.contains(SemanticVersion(1, 0, 0, prerelease: ["rc", "1"])))
        #expect(!range.contains(SemanticVersion(2, 0, 0, prerelease: ["beta"])))
        #expect(!range.contains(SemanticVersion(2, 0, 0)))
        #expect(VersionRange(minimum: SemanticVersion(1, 0, 0)).contains(SemanticVersion(9, 0, 0)))
    }
}
