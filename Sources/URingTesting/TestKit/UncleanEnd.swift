/// A run went well, but something is left.
public struct UncleanEnd: Error, CustomStringConvertible {
  /// What is left.
  public let report: TestNetwork.Report

  /// What is left, in words.
  public var description: String { "something is left at the end: \(report)" }
}
