// swift-tools-version: 6.0
import PackageDescription

// The generation runtime and what measures it. Import rules: BenchmarkKit -> LanguageRuntime -> Tokenizer; the executor and the
// Core ML backend know its backend protocol; LanguageRuntime knows nothing of benchmarks.
let package = Package(
    name: "runtime",
    platforms: [.iOS(.v18), .macOS(.v15)],
    products: [
        .library(name: "LanguageRuntime", targets: ["LanguageRuntime"]),
        .library(name: "CoreMLBackend", targets: ["CoreMLBackend"]),
        .library(name: "ModelManager", targets: ["ModelManager"]),
        .library(name: "BenchmarkKit", targets: ["BenchmarkKit"]),
        .executable(name: "bench-agent", targets: ["bench-agent"]),
    ],
    targets: [
        .target(name: "CKernels"),
        .target(name: "Tokenizer"),
        .target(name: "MLProgram"),
        .target(name: "ModelManager"),
        .target(name: "LanguageRuntime", dependencies: ["Tokenizer", "ModelManager"]),
        .target(name: "ReferenceExecutor", dependencies: ["MLProgram", "LanguageRuntime", "ModelManager", "CKernels"]),
        .target(name: "CoreMLBackend", dependencies: ["LanguageRuntime", "ModelManager"]),
        .target(name: "BenchmarkKit", dependencies: ["LanguageRuntime", "ModelManager", "Tokenizer"]),
        .executableTarget(
            name: "bench-agent",
            dependencies: [
                "BenchmarkKit", "ReferenceExecutor", "CoreMLBackend", "LanguageRuntime", "ModelManager", "Tokenizer",
            ]),
        .executableTarget(name: "executor-bench", dependencies: ["ReferenceExecutor", "MLProgram"]),
        // A model without a network, for tests of everything above the backend.
        .target(name: "FakeModel", dependencies: ["LanguageRuntime", "ModelManager"], path: "Tests/FakeModel"),
        .testTarget(name: "TokenizerTests", dependencies: ["Tokenizer"]),
        .testTarget(name: "MLProgramTests", dependencies: ["MLProgram"]),
        .testTarget(
            name: "ReferenceExecutorTests",
            dependencies: ["ReferenceExecutor", "MLProgram", "CKernels", "LanguageRuntime", "ModelManager"]),
        .testTarget(
            name: "LanguageRuntimeTests",
            dependencies: ["LanguageRuntime", "FakeModel", "ReferenceExecutor", "ModelManager", "Tokenizer"]),
        .testTarget(name: "ModelManagerTests", dependencies: ["ModelManager"]),
        .testTarget(name: "BenchAgentTests", dependencies: ["bench-agent"]),
        .testTarget(name: "CoreMLBackendTests", dependencies: ["CoreMLBackend"]),
        .testTarget(
            name: "BenchmarkKitTests",
            dependencies: ["BenchmarkKit", "LanguageRuntime", "FakeModel", "ModelManager", "Tokenizer"]),
    ],
    swiftLanguageModes: [.v6]
)
