/// Decides what a session does next. It is told what ended and what time it is, and has no clock, task or file.
struct SessionMachine: Sendable {
    enum Action: Sendable, Equatable {
        case iterate(index: Int, warmup: Bool)
        case end(reason: String)
    }

    private let plan: Plan
    private var ended: Set<Int>
    private var next = 0
    private var soakBegan: Int64?

    init(_ plan: Plan, ended: Set<Int>) {
        self.plan = plan
        self.ended = ended
    }

    /// How many iterations have ended, those of earlier launches included.
    var count: Int { ended.count }

    /// The moment at which a soak ends; nil before it has begun or where there is none.
    var deadline: Int64? { plan.duration.flatMap { duration in soakBegan.map { $0 + duration } } }

    /// What to do at `now`, ns. Iterations that ended in an earlier launch are passed over.
    mutating func action(at now: Int64) -> Action {
        while ended.contains(next) { next += 1 }
        if next < plan.warmups { return .iterate(index: next, warmup: true) }
        guard plan.duration != nil else {
            return next < plan.warmups + plan.iterations
                ? .iterate(index: next, warmup: false) : .end(reason: "complete")
        }
        if soakBegan == nil { soakBegan = now }
        if let deadline, now >= deadline { return .end(reason: "complete") }
        return .iterate(index: next, warmup: false)
    }

    mutating func finished(_ index: Int) { ended.insert(index) }
}
