import ArgumentParser

/// A number of bytes on the command line, with K, M or G (1024 of the one before) behind it if need be.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: Int

  init(_ value: Int) {
    self.value = value
  }

  /// Nil for what is no whole number, below zero, or more than an `Int` can count.
  init?(argument: String) {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    let shift = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(shift == nil ? argument : String(argument.dropLast())), number >= 0 else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    guard !overflow else { return nil }
    self.value = value
  }

  /// In the largest unit that leaves a whole number.
  var description: String {
    for (unit, shift) in [("G", 30), ("M", 20), ("K", 10)] where value > 0 && value % (1 << shift) == 0 {
      return "\(value >> shift)\(unit)"
    }
    return "\(value)"
  }
}
