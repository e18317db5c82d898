// swift-tools-version: 6.0
import PackageDescription

// The generation runtime and what measures it. Import rules: BenchmarkKit -> Runtime -> Tokenizer; the executor and the
// Core ML backend know Runtime's backend protocol; Runtime knows nothing of benchmarks.
let package = Package(
    name: "runtime",
    platforms: [.iOS(.v18), .macOS(.v15)],
    products: [
        .library(name: "Runtime", targets: ["Runtime"]),
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
        .target(name: "Runtime", dependencies: ["Tokenizer", "ModelManager"]),
        .target(name: "ReferenceExecutor", dependencies: ["MLProgram", "Runtime", "ModelManager", "CKernels"]),
        .target(name: "CoreMLBackend", dependencies: ["Runtime", "ModelManager"]),
        .target(name: "BenchmarkKit", dependencies: ["Runtime", "ModelManager", "Tokenizer"]),
        .executableTarget(
            name: "bench-agent",
            dependencies: [
                "BenchmarkKit", "ReferenceExecutor", "CoreMLBackend", "Runtime", "ModelManager", "Tokenizer",
            ]),
        .executableTarget(name: "executor-bench", dependencies: ["ReferenceExecutor", "MLProgram"]),
        // A model without a network, for tests of everything above the backend.
        .target(name: "FakeModel", dependencies: ["Runtime", "ModelManager"], path: "Tests/FakeModel"),
        .testTarget(name: "TokenizerTests", dependencies: ["Tokenizer"]),
        .testTarget(name: "MLProgramTests", dependencies: ["MLProgram"]),
        .testTarget(
            name: "ReferenceExecutorTests",
            dependencies: ["ReferenceExecutor", "MLProgram", "CKernels", "Runtime", "ModelManager"]),
        .testTarget(
            name: "RuntimeTests",
            dependencies: ["Runtime", "FakeModel", "ReferenceExecutor", "ModelManager", "Tokenizer"]),
        .testTarget(name: "ModelManagerTests", dependencies: ["ModelManager"]),
        .testTarget(name: "BenchAgentTests", dependencies: ["bench-agent"]),
        .testTarget(name: "CoreMLBackendTests", dependencies: ["CoreMLBackend"]),
        .testTarget(
            name: "BenchmarkKitTests",
            dependencies: ["BenchmarkKit", "Runtime", "FakeModel", "ModelManager", "Tokenizer"]),
    ],
    swiftLanguageModes: [.v6]
)
