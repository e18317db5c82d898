import CoreMLBackend
import LanguageRuntime
import ReferenceExecutor

/// Which backend this build runs models with.
enum Backends {
    /// Core ML where there is Core ML, the reference executor elsewhere.
    static var preferred: any ModelBackend {
        #if canImport(CoreML)
        CoreMLBackend()
        #else
        ReferenceBackend()
        #endif
    }

    /// The reference executor, with every result rounded to the type that the program declares.
    static var storage16: any ModelBackend { ReferenceBackend(numerics: .storage16) }
}
