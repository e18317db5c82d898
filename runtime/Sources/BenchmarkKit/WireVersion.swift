/// The schema version of event lines and plans (harness/wire).
public let wireVersion = 1
