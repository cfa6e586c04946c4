extension Double {
  /// The number with so many digits behind the point, and without an exponent.
  func text(_ places: Int) -> String {
    guard isFinite, abs(self) < 1e15 else { return "0" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((abs(self) * scale).rounded())
    let whole = scaled / Int(scale)
    let sign = self < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(whole)" }
    let digits = String(scaled % Int(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: places - digits.count) + digits
  }

  /// The number rounded to an integer, its digits in groups of three.
  var grouped: String { UInt64(Swift.max(0, rounded())).grouped }
}

extension UInt64 {
  /// The number with its digits in groups of three.
  var grouped: String {
    var digits = Array(String(self))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(",", at: place)
      place -= 3
    }
    return String(digits)
  }
}

extension String {
  /// The text with spaces before it, up to a width.
  func right(_ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }

  /// The text with spaces behind it, up to a width.
  func left(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }
}
