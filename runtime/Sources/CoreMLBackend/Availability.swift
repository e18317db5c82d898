/// Whether this build has Core ML. Elsewhere the reference executor runs the same packages.
public let isCoreMLAvailable: Bool = {
    #if canImport(CoreML)
    true
    #else
    false
    #endif
}()
