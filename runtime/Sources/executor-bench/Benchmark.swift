import Foundation
import MLProgram
import ReferenceExecutor

/// One measurement of a model of the contract: load, prefill of a full context's half, greedy decoding.
struct Benchmark {
    let folder: String
    let tokens: Int
    let threads: Int

    func run() throws {
        let path = folder.hasSuffix(".mlpackage") ? folder : folder + "/model.mlpackage"
        let clock = ContinuousClock()
        var start = clock.now
        let package = try ProgramPackage(path: path)
        let model = try ReferenceModel(package, functions: ["decode", "prefill"], threads: threads)
        show("load", seconds(start, clock), "s")
        guard let context = model.inputShape("causal_mask", of: "decode")?.last,
            let chunk = model.inputShape("input_ids", of: "prefill")?.last
        else { throw ProgramError(.unsupported, file: path, "no prefill and decode functions of the model contract") }
        show("threads", Double(model.threads), "")
        show("context", Double(context), "tokens")
        let weightBytes = Double(package.weights?.file.bytes.count ?? 0)
        show("weights", weightBytes / 1e6, "MB mapped")
        show("allocated", Double(model.allocatedBytes + model.stateBytes) / 1e6, "MB beside them")

        let state = model.makeState()
        let chunks = max(1, context / 2 / chunk)
        try step(model, state, "prefill", chunk, 0, context)
        start = clock.now
        var processor = processorSeconds()
        for index in 0..<chunks { try step(model, state, "prefill", chunk, index * chunk, context) }
        let prefill = Double(chunks * chunk) / seconds(start, clock)
        show("prefill", prefill, "tokens/s")
        show("prefill, processor time", (processorSeconds() - processor) / Double(chunks * chunk) * 1e3, "ms a token")

        let first = chunks * chunk
        let count = min(tokens, context - first - 1)
        try step(model, state, "decode", 1, first, context)
        start = clock.now
        processor = processorSeconds()
        for index in 0..<count { try step(model, state, "decode", 1, first + index, context) }
        let decode = Double(count) / seconds(start, clock)
        show("decode", decode, "tokens/s")
        // What other work on the machine hardly changes: with one thread, its inverse is the rate of an idle machine.
        show("decode, processor time", (processorSeconds() - processor) / Double(count) * 1e3, "ms a token")

        // Every weight is read once per token, so memory bandwidth bounds decoding from above.
        let bandwidth = Bandwidth.measure(threads: threads)
        show("read bandwidth", bandwidth / 1e9, "GB/s")
        let bound = bandwidth / weightBytes
        show("bound by reading the weights", bound, "tokens/s")
        show("decode against that bound", decode / bound * 100, "%")
    }

    private func step(
        _ model: ReferenceModel, _ state: ReferenceState, _ function: String, _ count: Int, _ position: Int, _ context: Int
    ) throws {
        var mask = [Float](repeating: -10000, count: count * context)
        for row in 0..<count {
            for slot in 0...position + row { mask[row * context + slot] = 0 }
        }
        var inputs: [String: Tensor] = [
            "input_ids": Tensor((0..<count).map { Int32(($0 + position) * 7 % 250) }, shape: [1, count]),
            "position_ids": Tensor((0..<count).map { Int32(position + $0) }, shape: [count]),
            "cache_slot": Tensor([Int32(position)], shape: [1]),
            "causal_mask": Tensor(mask, shape: [1, 1, count, context], dataType: .float16),
            "last_index": Tensor([Int32(count - 1)], shape: [1]),
        ]
        // Local layers see as much as the others: less of the cache would be read for them otherwise.
        if model.inputShape("local_mask", of: function) != nil { inputs["local_mask"] = inputs["causal_mask"] }
        _ = try model.run(function, inputs, state: state)
    }

    /// Processor time of this process so far, all threads together.
    private func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    private func seconds(_ start: ContinuousClock.Instant, _ clock: ContinuousClock) -> Double {
        let duration = clock.now - start
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    private func show(_ name: String, _ value: Double, _ unit: String) {
        print("\(name.padding(toLength: 30, withPad: " ", startingAt: 0)) \(String(format: "%12.3f", value)) \(unit)")
    }
}

/// How fast this machine reads memory: the best of several passes over a block larger than its caches.
enum Bandwidth {
    private static let bytes = 512 << 20

    /// Bytes per second, all `threads` reading at once.
    static func measure(threads: Int) -> Double {
        let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { block.deallocate() }
        block.initializeMemory(as: UInt8.self, repeating: 1, count: bytes)
        nonisolated(unsafe) let words = block.assumingMemoryBound(to: SIMD8<UInt64>.self)
        let count = bytes / 64
        nonisolated(unsafe) let sums = UnsafeMutablePointer<UInt64>.allocate(capacity: threads)
        defer { sums.deallocate() }
        var best = 0.0
        for _ in 0..<5 {
            let start = ContinuousClock.now
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                var total = SIMD8<UInt64>.zero
                for index in count * thread / threads..<count * (thread + 1) / threads { total &+= words[index] }
                sums[thread] = total.wrappedSum()
            }
            let duration = ContinuousClock.now - start
            let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
            // The sums are used, or the reading could be left out.
            if (0..<threads).allSatisfy({ sums[$0] > 0 }) { best = max(best, Double(bytes) / seconds) }
        }
        return best
    }
}
