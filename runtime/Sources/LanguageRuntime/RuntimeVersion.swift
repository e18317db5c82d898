import ModelManager

/// The runtime's own semantic version: what a model's manifest is checked against, and what the agent says it is.
public let runtimeVersion = SemanticVersion(1, 1, 0)
