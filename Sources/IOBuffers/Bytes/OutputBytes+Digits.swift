/// Appending numbers as text, without a `String` in between.
extension OutputBytes {
  /// Appends the decimal digits of an integer, with a minus sign if it is negative.
  ///
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append(decimal integer: some BinaryInteger) throws(BufferError) {
    let magnitude = integer.magnitude
    if let magnitude = UInt64(exactly: magnitude) {
      try append(magnitude, radix: 10, integer.signum() < 0, false, 1)
    } else if let magnitude = UInt128(exactly: magnitude) {
      try append(magnitude, radix: 10, integer.signum() < 0, false, 1)
    } else {
      // Wider than any integer of the standard library.
      try append(String(integer))
    }
  }

  /// Appends the hexadecimal digits of an integer, with a minus sign if it is negative, and without `0x`.
  ///
  /// - Parameters:
  ///   - integer: what to append.
  ///   - uppercase: whether to write A to F; a to f unless told.
  ///   - minimumDigits: zeros are put before the digits until there are so many.
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append(
    hexadecimal integer: some BinaryInteger,
    uppercase: Bool = false,
    minimumDigits: Int = 1
  ) throws(BufferError) {
    let magnitude = integer.magnitude
    let isNegative = integer.signum() < 0
    if let magnitude = UInt64(exactly: magnitude) {
      try append(magnitude, radix: 16, isNegative, uppercase, minimumDigits)
    } else if let magnitude = UInt128(exactly: magnitude) {
      try append(magnitude, radix: 16, isNegative, uppercase, minimumDigits)
    } else {
      // Wider than any integer of the standard library.
      let digits = Array(String(magnitude, radix: 16, uppercase: uppercase).utf8)
      try unsafe digits.span.bytes.withUnsafeBytes { (digits) throws(BufferError) in
        try unsafe appendDigits(digits, isNegative, minimumDigits)
      }
    }
  }

  /// Appends the digits of a number, of at most 39 of them.
  @usableFromInline
  @_specialize(where T == UInt64)
  @_specialize(where T == UInt128)
  mutating func append<T: FixedWidthInteger & UnsignedInteger>(
    _ magnitude: T,
    radix: T,
    _ isNegative: Bool,
    _ isUppercase: Bool,
    _ minimumDigits: Int
  ) throws(BufferError) {
    var digits = InlineArray<40, UInt8>(repeating: 0)
    var start = 40
    var rest = magnitude
    repeat {
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: radix)
      let digit = UInt8(truncatingIfNeeded: remainder)
      start -= 1
      digits[start] = digit < 10 ? 0x30 + digit : (isUppercase ? 0x37 : 0x57) + digit
      rest = quotient
    } while rest > 0
    try unsafe digits.span.extracting(start..<40).withUnsafeBytes { (digits) throws(BufferError) in
      try unsafe appendDigits(digits, isNegative, minimumDigits)
    }
  }

  /// Appends a sign, zeros, and digits.
  @usableFromInline
  mutating func appendDigits(
    _ digits: UnsafeRawBufferPointer,
    _ isNegative: Bool,
    _ minimumDigits: Int
  ) throws(BufferError) {
    let zeros = max(0, minimumDigits - digits.count)
    // No overflow: a count is added to what it was taken from.
    let (total, isTooLarge) = (zeros + digits.count).addingReportingOverflow(isNegative ? 1 : 0)
    // For all of it, so that none of what follows can fail.
    try reserve(isTooLarge ? .max : total)
    if isNegative { put(UInt8(ascii: "-")) }
    try append(repeating: UInt8(ascii: "0"), count: zeros)
    try unsafe append(digits)
  }
}
