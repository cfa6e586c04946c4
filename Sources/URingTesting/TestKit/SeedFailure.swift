/// A test failed with one of its seeds. See ``forEachSeed(_:faults:configuration:_:)``.
public struct SeedFailure: Error, CustomStringConvertible {
  /// The seed.
  public let seed: UInt64
  /// What could go wrong.
  public let faults: TestNetwork.Faults
  /// What the test threw, or ``UncleanEnd``.
  public let cause: any Error
  /// The last lines of what happened, where that was recorded.
  public let trace: [String]

  static var traceLines: Int { 60 }

  /// What was wrong, and how it is repeated.
  public var description: String {
    var text = """
      seed \(seed): \(reason)
        to repeat it: SLUICE_SEED=\(seed) swift test --filter …, or TestNetwork(seed: \(seed), faults: \(faults))
      """
    if !trace.isEmpty { text += "\n  what happened last:\n    " + trace.joined(separator: "\n    ") }
    return text
  }

  /// Errors that do not describe themselves, such as that of `#require`, which Swift Testing reports by itself, may be long.
  private var reason: String {
    let text = "\(cause)"
    return cause is any CustomStringConvertible || text.utf8.count < 200 ? text : "\(type(of: cause))"
  }
}
