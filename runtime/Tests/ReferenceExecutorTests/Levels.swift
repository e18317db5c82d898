import CKernels
import Foundation

/// The kernels' instruction sets, for tests that go through all of them. Tests run at the same time, and the level is one for
/// the process, so each use is exclusive; a level this processor lacks falls back to the best it has.
enum KernelLevel: Int, CaseIterable, Sendable {
    case portable, avx2, avx512

    private static let lock = NSRecursiveLock()

    func use<T>(_ body: () throws -> T) rethrows -> T {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let before = ck_get_level()
        _ = ck_set_level(ck_level(rawValue: UInt32(rawValue)))
        defer { _ = ck_set_level(before) }
        return try body()
    }

    /// Runs `body` while no test changes the level, for results that are compared bit by bit.
    static func unchanged<T>(_ body: () throws -> T) rethrows -> T {
        lock.lock()
        defer { lock.unlock() }
        return try body()
    }
}
