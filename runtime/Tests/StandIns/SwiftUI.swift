// Stand-in for SwiftUI: the signatures that ios-bench-app uses, as developer.apple.com/documentation/swiftui gives them,
// without what they need inside SwiftUI. Nothing here runs.
@_exported import Foundation

@MainActor @preconcurrency public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}
extension Never: View {
    public var body: Never { fatalError() }
}
extension View where Body == Never {
    public var body: Never { fatalError() }
}
extension View {
    public func task(priority: TaskPriority = .userInitiated, _ action: @escaping @Sendable () async -> Void) -> some View { self }
    public func font(_ font: Font?) -> some View { self }
    public func accessibilityIdentifier(_ identifier: String) -> some View { self }
}

@MainActor @preconcurrency public protocol Scene {
    associatedtype Body: Scene
    var body: Body { get }
}
extension Never: Scene {}
extension Scene where Body == Never { public var body: Never { fatalError() } }

@MainActor @preconcurrency public protocol App {
    associatedtype Body: Scene
    var body: Body { get }
    init()
}
extension App { public static func main() {} }

public struct TupleView: View {}
public struct EitherView: View {}

@resultBuilder public struct ViewBuilder {
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> TupleView { fatalError() }
    public static func buildEither(first: some View) -> EitherView { fatalError() }
    public static func buildEither(second: some View) -> EitherView { fatalError() }
}

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) {}
}
public struct List<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
}
public struct Section<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public init(_ title: some StringProtocol, @ViewBuilder content: () -> Content) {}
}
public struct LabeledContent: View {
    public init(_ title: some StringProtocol, value: some StringProtocol) {}
}
public struct Text: View {
    public init(_ content: some StringProtocol) {}
    public func font(_ font: Font?) -> Text { self }
}
public struct Font: Sendable {
    public static let footnote = Font()
    public func monospaced() -> Font { self }
}

@propertyWrapper public struct State<Value> {
    public init(wrappedValue value: Value) {}
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set {}
    }
}
