/// Decides what a session does next. It is told what ended and what time it is, and has no clock, task or file.
struct SessionMachine: Sendable {
    enum Action: Sendable, Equatable {
        case iterate(index: Int, warmup: Bool)
        case end(reason: String)
    }

    private let plan: Plan
    private var ended: Set<Int>
    private var next = 0
    /// When the first iteration of this launch that is no warm-up began.
    private var workBegan: Int64?

    init(_ plan: Plan, ended: Set<Int>) {
        self.plan = plan
        self.ended = ended
    }

    /// How many iterations have ended, those of earlier launches included.
    var count: Int { ended.count }

    /// The moment at which a soak ends; nil before it has begun or where there is none.
    var deadline: Int64? { plan.duration.flatMap { duration in workBegan.map { $0 + duration } } }

    /// What to do at `now`, ns. Iterations that ended in an earlier launch are passed over.
    mutating func action(at now: Int64) -> Action {
        while ended.contains(next) { next += 1 }
        if next < plan.warmups { return .iterate(index: next, warmup: true) }
        if workBegan == nil { workBegan = now }
        if let deadline {
            if now >= deadline { return .end(reason: "complete") }
        } else if next >= plan.warmups + plan.iterations && !mustGoOn(at: now) {
            return .end(reason: "complete")
        }
        return .iterate(index: next, warmup: false)
    }

    /// Whether the iterations so far have not lasted as long as the plan wants.
    private func mustGoOn(at now: Int64) -> Bool {
        guard let minimum = plan.minimumWork, let workBegan else { return false }
        return now - workBegan < minimum
    }

    mutating func finished(_ index: Int) { ended.insert(index) }
}
