/// Numbers that are written as text.
extension RawSpan {
  /// The number that the bytes are the decimal digits of.
  ///
  /// - Returns: nil unless there are digits and nothing else (no sign, no blank), and the number fits into an `Int`.
  @inlinable
  public func decimal() -> Int? {
    number(10)
  }

  /// The number that the bytes are the hexadecimal digits of, large or small.
  ///
  /// - Returns: nil unless there are digits and nothing else (no sign, no `0x`), and the number fits into an `Int`.
  @inlinable
  public func hexadecimal() -> Int? {
    number(16)
  }

  @inlinable
  func number(_ radix: Int) -> Int? {
    guard !isEmpty else { return nil }
    var number = 0
    return append(radix, to: &number) ? number : nil
  }

  /// Takes all bytes as further digits of a number. False if one is none, or the number gets too large.
  @inlinable
  func append(_ radix: Int, to number: inout Int) -> Bool {
    for place in 0..<byteCount {
      // Sound: within the bytes; every pattern of bits is a value.
      guard let digit = unsafe unsafeLoad(fromByteOffset: place, as: UInt8.self).digit(radix) else { return false }
      let (shifted, isTooLarge) = number.multipliedReportingOverflow(by: radix)
      let (sum, overflows) = shifted.addingReportingOverflow(digit)
      if isTooLarge || overflows { return false }
      number = sum
    }
    return true
  }
}
