#if canImport(CoreML)
import CoreML
import Foundation
import LanguageRuntime

/// The input arrays of one function, allocated once for each state and filled for each call: a mask of 64 x 8192 slots
/// is a megabyte that need not be allocated anew for every chunk.
final class StepInputs {
    let provider: MLDictionaryFeatureProvider
    private let tokens: MLMultiArray
    private let positions: MLMultiArray
    private let slot: MLMultiArray
    private let lastIndex: MLMultiArray
    private let mask: MLMultiArray
    private let local: (mask: MLMultiArray, window: Int)?
    private let targets: MLMultiArray?
    private let count: Int
    private let capacity: Int

    init(tokens count: Int, capacity: Int, localWindow: Int?, hasTargets: Bool) throws {
        self.count = count
        self.capacity = capacity
        tokens = try MLMultiArray(shape: [1, NSNumber(value: count)], dataType: .int32)
        positions = try MLMultiArray(shape: [NSNumber(value: count)], dataType: .int32)
        slot = try MLMultiArray(shape: [1], dataType: .int32)
        lastIndex = try MLMultiArray(shape: [1], dataType: .int32)
        let maskShape = [1, 1, NSNumber(value: count), NSNumber(value: capacity)]
        mask = try MLMultiArray(shape: maskShape, dataType: .float16)
        local = try localWindow.map { (try MLMultiArray(shape: maskShape, dataType: .float16), $0) }
        targets = hasTargets ? try MLMultiArray(shape: [1, NSNumber(value: count)], dataType: .int32) : nil
        var features: [String: Any] = [
            "input_ids": MLFeatureValue(multiArray: tokens),
            "position_ids": MLFeatureValue(multiArray: positions),
            "cache_slot": MLFeatureValue(multiArray: slot),
            "last_index": MLFeatureValue(multiArray: lastIndex),
            "causal_mask": MLFeatureValue(multiArray: mask),
        ]
        if let local { features["local_mask"] = MLFeatureValue(multiArray: local.mask) }
        if let targets { features["target_ids"] = MLFeatureValue(multiArray: targets) }
        provider = try MLDictionaryFeatureProvider(dictionary: features)
    }

    func fill(_ step: ModelStep, targets wanted: [Int32]?) throws {
        guard step.tokens.count == count, step.positions.count == count, step.slotPositions.capacity == capacity else {
            throw RuntimeError.backend("a step of \(step.tokens.count) tokens for a function of \(count)")
        }
        Self.copy(step.tokens, into: tokens)
        Self.copy(step.positions, into: positions)
        Self.copy([Int32(step.slot)], into: slot)
        Self.copy([Int32(step.lastIndex)], into: lastIndex)
        if let targets, let wanted { Self.copy(wanted, into: targets) }
        write(step, within: nil, into: mask)
        if let local { write(step, within: local.window, into: local.mask) }
    }

    private func write(_ step: ModelStep, within window: Int?, into mask: MLMultiArray) {
        mask.withUnsafeMutableBytes { bytes, _ in
            let halves = bytes.bindMemory(to: UInt16.self)
            for row in 0..<count {
                let slots = UnsafeMutableBufferPointer(rebasing: halves[(row * capacity)..<((row + 1) * capacity)])
                step.slotPositions.writeMask(
                    from: step.positions[row], within: window, visible: HalfFloat.zero, hidden: HalfFloat.hidden,
                    into: slots)
            }
        }
    }

    private static func copy(_ values: [Int32], into array: MLMultiArray) {
        array.withUnsafeMutableBytes { bytes, _ in
            _ = bytes.bindMemory(to: Int32.self).update(fromContentsOf: values)
        }
    }
}

extension MLMultiArray {
    /// The values of the last dimension at index 0 of the others, in Float. Outputs of the Neural Engine may have
    /// padded strides.
    func lastRow() throws -> [Float] {
        guard let length = shape.last?.intValue, let stride = strides.last?.intValue else { return [] }
        switch dataType {
        case .float16:
            return withUnsafeBytes { bytes in
                let halves = bytes.bindMemory(to: UInt16.self)
                return (0..<length).map { HalfFloat.widen(halves[$0 * stride]) }
            }
        case .float32:
            return withUnsafeBytes { bytes in
                let values = bytes.bindMemory(to: Float.self)
                return (0..<length).map { values[$0 * stride] }
            }
        default: throw RuntimeError.backend("an output of type \(dataType.rawValue) where fp16 or fp32 is due")
        }
    }

    /// The same for integers.
    func integers() throws -> [Int32] {
        guard let length = shape.last?.intValue, let stride = strides.last?.intValue else { return [] }
        guard dataType == .int32 else {
            throw RuntimeError.backend("an output of type \(dataType.rawValue) where int32 is due")
        }
        return withUnsafeBytes { bytes in
            let values = bytes.bindMemory(to: Int32.self)
            return (0..<length).map { values[$0 * stride] }
        }
    }
}
#endif
