/// Command-line options: `--name value` or `--name=value`, and flags without a value. What is not known is refused.
struct Options {
    /// What is wrong with a command line.
    struct Mistake: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private var values: [String: String] = [:]
    private var flags: Set<String> = []

    init(_ arguments: [String], values known: Set<String>, flags knownFlags: Set<String>) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if knownFlags.contains(word) {
                flags.insert(word)
                continue
            }
            let halves = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(halves[0])
            guard known.contains(name) else { throw Mistake("unknown option \(word)") }
            guard let value = halves.count == 2 ? String(halves[1]) : rest.popFirst() else {
                throw Mistake("\(name) needs a value")
            }
            guard values.updateValue(value, forKey: name) == nil else { throw Mistake("\(name) is given twice") }
        }
    }

    func has(_ flag: String) -> Bool { flags.contains(flag) }

    subscript(name: String) -> String? { values[name] }

    func required(_ name: String) throws -> String {
        guard let value = values[name] else { throw Mistake("\(name) is missing") }
        return value
    }

    /// The number that `name` gives, at least `least`; nil when it is not given.
    func number<Number: LosslessStringConvertible & Comparable>(_ name: String, least: Number) throws -> Number? {
        guard let text = values[name] else { return nil }
        guard let value = Number(text), value >= least else {
            throw Mistake("\(name): \"\(text)\" is not a number of at least \(least)")
        }
        return value
    }
}
