import CKernels
import Foundation
import Testing

/// The kernels on every instruction set against plain arithmetic in double precision.
@Suite struct KernelTests {
    struct Layout: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var type: ck_type
        var rows: Int
        var cols: Int
        var block: Int
        var offsets: Bool
        /// Of a palette's index.
        var bits = 0
    }

    static let layouts: [Layout] = [
        Layout(testDescription: "float", type: CK_F32, rows: 9, cols: 70, block: 0, offsets: false),
        Layout(testDescription: "half", type: CK_F16, rows: 10, cols: 67, block: 0, offsets: false),
        Layout(testDescription: "int8 per channel", type: CK_I8, rows: 7, cols: 65, block: 65, offsets: false),
        Layout(testDescription: "int8 blocks", type: CK_I8, rows: 7, cols: 64, block: 16, offsets: true),
        Layout(testDescription: "uint8 odd blocks", type: CK_U8, rows: 5, cols: 60, block: 12, offsets: true),
        Layout(testDescription: "int4 blocks of 32", type: CK_I4, rows: 13, cols: 128, block: 32, offsets: false),
        Layout(testDescription: "uint4 blocks of 64", type: CK_U4, rows: 6, cols: 128, block: 64, offsets: true),
        Layout(testDescription: "uint4 blocks of 8", type: CK_U4, rows: 6, cols: 24, block: 8, offsets: true),
        Layout(testDescription: "int8 one long block", type: CK_I8, rows: 9, cols: 320, block: 320, offsets: false),
        Layout(testDescription: "uint8 one long block", type: CK_U8, rows: 6, cols: 203, block: 203, offsets: true),
        Layout(testDescription: "palettes of 4 bits", type: CK_LUT, rows: 11, cols: 288, block: 0, offsets: false, bits: 4),
        Layout(testDescription: "palettes of 4 bits, odd", type: CK_LUT, rows: 5, cols: 50, block: 0, offsets: false, bits: 4),
        Layout(testDescription: "palettes of 6 bits", type: CK_LUT, rows: 9, cols: 100, block: 0, offsets: false, bits: 6),
        Layout(testDescription: "palettes of 6 bits, odd", type: CK_LUT, rows: 5, cols: 37, block: 0, offsets: false, bits: 6),
        Layout(testDescription: "palettes of 8 bits", type: CK_LUT, rows: 7, cols: 90, block: 0, offsets: false, bits: 8),
        Layout(testDescription: "palettes of 3 bits", type: CK_LUT, rows: 7, cols: 40, block: 0, offsets: false, bits: 3),
    ]

    /// A matrix in memory, and what its elements are.
    private final class Sample {
        var matrix = ck_matrix()
        var values: [[Double]]
        private var owned: [UnsafeMutableRawPointer] = []

        init(_ layout: Layout, seed: UInt64) {
            var generator = SeededGenerator(state: seed)
            values = []
            let count = layout.rows * layout.cols
            matrix.type = layout.type
            matrix.rows = Int64(layout.rows)
            matrix.cols = Int64(layout.cols)
            matrix.stride = matrix.cols
            var elements: [Double]
            switch layout.type {
            case CK_F32, CK_F16:
                elements = (0..<count).map { _ in Double(Float16(Float.random(in: -2...2, using: &generator))) }
                matrix.data =
                    layout.type == CK_F32 ? keep(elements.map { Float($0) }) : keep(elements.map { Float16($0).bitPattern })
            case CK_I8:
                let data = (0..<count).map { _ in Int8.random(in: -128...127, using: &generator) }
                elements = data.map { Double($0) }
                matrix.data = keep(data)
            case CK_U8:
                let data = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                elements = data.map { Double($0) }
                matrix.data = keep(data)
            case CK_LUT:
                // Rows that share a palette: with two, four at once meet two palettes.
                let (size, group) = (1 << layout.bits, layout.rows > 10 ? 8 : 2)
                let table = (0..<(layout.rows + group - 1) / group * size).map { _ in Float.random(in: -2...2, using: &generator) }
                let indices = (0..<count).map { _ in Int.random(in: 0..<size, using: &generator) }
                var data = [UInt8](repeating: 0, count: (count * layout.bits + 7) / 8)
                for (position, index) in indices.enumerated() {
                    for bit in 0..<layout.bits where index >> bit & 1 == 1 {
                        let at = position * layout.bits + bit
                        data[at / 8] |= 1 << UInt8(at % 8)
                    }
                }
                elements = indices.enumerated().map { Double(table[$0.offset / layout.cols / group * size + $0.element]) }
                matrix.data = keep(data)
                matrix.lut = keep(table).assumingMemoryBound(to: Float.self)
                matrix.lut_bits = Int32(layout.bits)
                matrix.lut_row_group = Int64(group)
                matrix.lut_col_group = matrix.cols
            default:
                let data = (0..<count / 2).map { _ in UInt8.random(in: 0...255, using: &generator) }
                elements = []
                for byte in data {
                    for nibble in [Int(byte & 15), Int(byte >> 4)] {
                        let isNegative = layout.type == CK_I4 && nibble > 7
                        elements.append(Double(isNegative ? nibble - 16 : nibble))
                    }
                }
                matrix.data = keep(data)
            }
            if layout.block > 0 {
                let groups = count / layout.block
                let scales = (0..<groups).map { _ in Float16(Float.random(in: 0.01...0.1, using: &generator)) }
                let offsets = (0..<groups).map { _ in layout.offsets ? Float.random(in: 0...8, using: &generator) : 0 }
                (matrix.scale_type, matrix.scale) = (CK_F16, keep(scales.map(\.bitPattern)))
                if layout.offsets { (matrix.offset_type, matrix.offset) = (CK_F32, keep(offsets)) }
                matrix.block = Int64(layout.block)
                matrix.row_group = 1
                for index in elements.indices {
                    let group = index / layout.block
                    elements[index] = Double(scales[group]) * (elements[index] - Double(offsets[group]))
                }
            }
            values = (0..<layout.rows).map { Array(elements[$0 * layout.cols..<($0 + 1) * layout.cols]) }
        }

        deinit { for pointer in owned { pointer.deallocate() } }

        private func keep<T: BitwiseCopyable>(_ values: [T]) -> UnsafeRawPointer {
            let pointer = UnsafeMutableRawPointer.allocate(byteCount: values.count * MemoryLayout<T>.stride, alignment: 64)
            values.withUnsafeBytes { pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            owned.append(pointer)
            return UnsafeRawPointer(pointer)
        }
    }

    private func multiply(_ sample: Sample, _ x: [Float], rows: Int, pool: OpaquePointer?) -> [Float] {
        var y = [Float](repeating: .nan, count: rows * Int(sample.matrix.rows))
        ck_linear(pool, &sample.matrix, x, Int64(rows), sample.matrix.cols, nil, &y, sample.matrix.rows)
        return y
    }

    @Test(arguments: layouts, KernelLevel.allCases) func productsAgree(_ layout: Layout, _ level: KernelLevel) {
        level.use {
            let sample = Sample(layout, seed: 5)
            var generator = SeededGenerator(state: 11)
            for rows in [1, 2, 3, 4, 7] {
                let x = (0..<rows * layout.cols).map { _ in Float.random(in: -1...1, using: &generator) }
                let found = multiply(sample, x, rows: rows, pool: nil)
                for i in 0..<rows {
                    for (r, weights) in sample.values.enumerated() {
                        var expected = 0.0
                        var size = 1.0
                        for (c, weight) in weights.enumerated() {
                            let term: Double = weight * Double(x[i * layout.cols + c])
                            expected += term
                            size += abs(term)
                        }
                        let error = abs(Double(found[i * layout.rows + r]) - expected)
                        let allowed = 4e-6 * size
                        #expect(error < allowed, "\(rows) rows, x row \(i), w row \(r)")
                    }
                }
            }
            for row in 0..<layout.rows {
                var out = [Float](repeating: 0, count: layout.cols)
                ck_dequantize_row(&sample.matrix, Int64(row), &out)
                for (found, expected) in zip(out, sample.values[row]) {
                    let allowed: Double = 2e-6 * max(1, abs(expected))
                    #expect(abs(Double(found) - expected) < allowed)
                }
            }
        }
    }

    @Test(arguments: KernelLevel.allCases) func threadsGiveTheSameBits(_ level: KernelLevel) {
        level.use {
            for layout in [
                Layout(testDescription: "", type: CK_I4, rows: 1003, cols: 256, block: 32, offsets: true),
                Layout(testDescription: "", type: CK_F16, rows: 1001, cols: 200, block: 0, offsets: false),
                Layout(testDescription: "", type: CK_I8, rows: 1002, cols: 192, block: 192, offsets: false),
                Layout(testDescription: "", type: CK_LUT, rows: 1001, cols: 192, block: 0, offsets: false, bits: 4),
            ] {
                let sample = Sample(layout, seed: 9)
                let x = (0..<3 * layout.cols).map { Float($0 % 13) / 7 - 0.9 }
                let alone = multiply(sample, x, rows: 3, pool: nil)
                let aloneOne = multiply(sample, x, rows: 1, pool: nil)
                for threads in [2, 3, 5] {
                    let pool = ck_pool_create(Int32(threads))
                    for _ in 0..<20 {
                        #expect(multiply(sample, x, rows: 3, pool: pool) == alone)
                        #expect(multiply(sample, x, rows: 1, pool: pool) == aloneOne)
                    }
                    ck_pool_destroy(pool)
                }
            }
        }
    }

    @Test(arguments: KernelLevel.allCases) func everyHalfIsConverted(_ level: KernelLevel) {
        level.use {
            let bits = (0...UInt16.max).map { $0 }
            var out = [Float](repeating: 0, count: bits.count)
            ck_half_to_float(bits, &out, Int64(bits.count))
            let wrong = bits.indices.filter { index in
                let expected = Float(Float16(bitPattern: bits[index]))
                return expected.isNaN ? !out[index].isNaN : out[index] != expected
            }
            #expect(wrong.isEmpty, "first at \(wrong.first ?? 0)")
        }
    }

    @Test(arguments: KernelLevel.allCases) func roundingToHalfIsToTheNearest(_ level: KernelLevel) {
        level.use {
            var generator = SeededGenerator(state: 21)
            var x: [Float] = [
                0, -0.0, 65504, 65519.99, 65520, -70000, .infinity, .nan, 5.96e-8, 2.9e-8, 2.98e-8, 6.1e-5, 6.09e-5, 1e-10,
            ]
            // Exactly half way between neighbours, and random bits of every exponent.
            for bits in stride(from: UInt16(0), to: 0x7bff, by: 37) {
                x.append((Float(Float16(bitPattern: bits)) + Float(Float16(bitPattern: bits + 1))) / 2)
            }
            for _ in 0..<20000 { x.append(Float(bitPattern: UInt32.random(in: 0x3000_0000...0x4800_0000, using: &generator))) }
            var y = [Float](repeating: 0, count: x.count)
            ck_apply(CK_ROUND_F16, x, &y, Int64(x.count))
            let wrong = x.indices.filter { index in
                let expected = Float(Float16(x[index]))
                return expected.isNaN ? !y[index].isNaN : y[index] != expected
            }
            #expect(wrong.isEmpty, "first: \(wrong.first.map { "\(x[$0]) -> \(y[$0])" } ?? "")")
        }
    }

    @Test(arguments: KernelLevel.allCases) func functionsAreAccurate(_ level: KernelLevel) {
        level.use {
            let x: [Float] = (-4000...4000).map { Float($0) / 100 }
            for (function, expected) in Self.exact {
                var y = [Float](repeating: 0, count: x.count)
                ck_apply(function, x, &y, Int64(x.count))
                // All but the exponential are differences of near numbers somewhere, which costs absolute accuracy.
                let slack: Double = function == CK_EXP ? 0 : 2e-7
                for (a, b) in zip(x, y) {
                    let right: Double = expected(Double(a))
                    let allowed: Double = 1e-6 * max(1e-3, abs(right)) + slack
                    let error: Double = abs(Double(b) - right)
                    #expect(error <= allowed, "\(function.rawValue) of \(a): \(b), not \(right)")
                }
            }
        }
    }

    private static let exact: [(ck_function, @Sendable (Double) -> Double)] = [
        (CK_EXP, { x in exp(x) }),
        (CK_SIGMOID, { x in 1 / (1 + exp(-x)) }),
        (CK_SILU, { x in x / (1 + exp(-x)) }),
        (CK_TANH, { x in tanh(x) }),
        (CK_GELU_TANH, geluTanh),
        (CK_GELU_SIGMOID, { x in x / (1 + exp(-1.702 * x)) }),
    ]

    @Sendable private static func geluTanh(_ x: Double) -> Double {
        let inner: Double = 0.7978845608028654 * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1 + tanh(inner))
    }
}
