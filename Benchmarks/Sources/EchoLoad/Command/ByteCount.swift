import ArgumentParser

/// A number of bytes, with K, M or G behind it if need be.
struct ByteCount: ExpressibleByArgument, Equatable, CustomStringConvertible {
  let value: Int

  init(value: Int) {
    self.value = value
  }

  init?(argument: String) {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    let shift = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(shift == nil ? argument : String(argument.dropLast())), number >= 0 else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    guard !overflow else { return nil }
    self.value = value
  }

  var description: String { "\(value)" }
}
