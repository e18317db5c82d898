// Stand-in for XCTest with the interfaces of UI tests: the signatures that ios-bench-app's tests use, as
// developer.apple.com/documentation/xctest and /xcuiautomation give them. Nothing here runs.
@_exported import Foundation

open class XCTestCase: NSObject {
    public func measure(metrics: [any XCTMetric], options: XCTMeasureOptions, block: () -> Void) {}
    public func add(_ attachment: XCTAttachment) {}
}

public class XCTMeasureOptions: NSObject {
    public var iterationCount = 5
}

public protocol XCTMetric: NSObjectProtocol {}
public class XCTCPUMetric: NSObject, XCTMetric {
    public convenience init(application: XCUIApplication) { self.init() }
}
public class XCTMemoryMetric: NSObject, XCTMetric {
    public convenience init(application: XCUIApplication) { self.init() }
}

public class XCTAttachment: NSObject {
    public enum Lifetime: Int { case keepAlways, deleteOnSuccess }
    public convenience init(string: String) { self.init() }
    public var name: String?
    public var lifetime = Lifetime.deleteOnSuccess
}

@MainActor public class XCUIElement {
    public init() {}
    public var label: String { "" }
    public var firstMatch: XCUIElement { self }
    public func waitForExistence(timeout: TimeInterval) -> Bool { false }
}

@MainActor public class XCUIApplication: XCUIElement {
    public var launchEnvironment: [String: String] = [:]
    public func launch() {}
    public func terminate() {}
    public var staticTexts: XCUIElementQuery { XCUIElementQuery() }
}

@MainActor public class XCUIElementQuery {
    public subscript(key: String) -> XCUIElement { XCUIElement() }
}

public func XCTFail(_ message: String = "", file: StaticString = #filePath, line: UInt = #line) {}
public func XCTAssertTrue(
    _ expression: @autoclosure () throws -> Bool, _ message: @autoclosure () -> String = "",
    file: StaticString = #filePath, line: UInt = #line
) {}
public func XCTAssertNotNil(
    _ expression: @autoclosure () throws -> Any?, _ message: @autoclosure () -> String = "",
    file: StaticString = #filePath, line: UInt = #line
) {}
public func XCTAssertNoThrow<T>(
    _ expression: @autoclosure () throws -> T, _ message: @autoclosure () -> String = "",
    file: StaticString = #filePath, line: UInt = #line
) {}
public func XCTAssertEqual<T: Equatable>(
    _ first: @autoclosure () throws -> T, _ second: @autoclosure () throws -> T,
    _ message: @autoclosure () -> String = "", file: StaticString = #filePath, line: UInt = #line
) {}
public func XCTAssertGreaterThan<T: Comparable>(
    _ first: @autoclosure () throws -> T, _ second: @autoclosure () throws -> T,
    _ message: @autoclosure () -> String = "", file: StaticString = #filePath, line: UInt = #line
) {}
public func XCTAssertLessThan<T: Comparable>(
    _ first: @autoclosure () throws -> T, _ second: @autoclosure () throws -> T,
    _ message: @autoclosure () -> String = "", file: StaticString = #filePath, line: UInt = #line
) {}
public func XCTUnwrap<T>(
    _ expression: @autoclosure () throws -> T?, _ message: @autoclosure () -> String = "",
    file: StaticString = #filePath, line: UInt = #line
) throws -> T { throw CocoaError(.featureUnsupported) }
