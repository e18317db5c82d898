/// Is told of a generation's progress, in order. Generation waits for each call to return, so a slow delegate slows it
/// down and misses nothing.
public protocol TokenStreamDelegate: AnyObject, Sendable {
    /// The prompt of `tokens` tokens is in the cache.
    func generator(didPrefill tokens: Int, nanoseconds: Int64) async
    func generator(didGenerate token: GeneratedToken) async
    /// Last call of a generation that ended, by itself or by being stopped.
    func generator(didFinish summary: GenerationSummary) async
    /// Last call of a generation that failed.
    func generator(didFail error: any Error) async
}

extension TokenStreamDelegate {
    /// Most delegates do not care when the prompt was through.
    public func generator(didPrefill tokens: Int, nanoseconds: Int64) async {}
}
