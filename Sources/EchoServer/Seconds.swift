import ArgumentParser

/// A time on the command line, in seconds: none, or from a millisecond to thirty years.
struct Seconds: ExpressibleByArgument, CustomStringConvertible {
  private let number: Double

  init(_ whole: UInt32) {
    number = Double(whole)
  }

  /// Nil for what is no number, not finite, below zero, or beyond what clocks can count.
  init?(argument: String) {
    guard let number = Double(argument), number == 0 || (0.001...1_000_000_000).contains(number) else { return nil }
    self.number = number
  }

  var duration: Duration { .seconds(number) }

  var description: String {
    let whole = Int(number)
    return Double(whole) == number ? "\(whole)" : "\(number)"
  }
}
