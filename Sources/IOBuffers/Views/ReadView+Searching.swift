/// Finding and comparing, as `RawSpan` does it: with the C library's fast loops.
extension ReadView {
  /// The first place of a byte (memchr(3)).
  ///
  /// - Parameters:
  ///   - byte: what to look for.
  ///   - start: where to begin; outside of the view nothing is found.
  /// - Returns: the offset, or nil if the byte is not there.
  public borrowing func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    bytes.firstIndex(of: byte, from: start)
  }

  /// The first place of a sequence of bytes.
  ///
  /// Looks for the first byte and compares what follows: linear for protocol delimiters, at worst the product of both
  /// lengths for a needle that repeats its beginning.
  ///
  /// - Parameters:
  ///   - needle: what to look for. An empty one is found at `start`.
  ///   - start: where to begin; outside of the view nothing is found.
  /// - Returns: the offsets, or nil if the bytes are not there.
  public borrowing func firstRange(of needle: RawSpan, from start: Int = 0) -> Range<Int>? {
    bytes.firstRange(of: needle, from: start)
  }

  /// The first place of a sequence of bytes. See ``firstRange(of:from:)-(RawSpan,_)``.
  public borrowing func firstRange(of needle: [UInt8], from start: Int = 0) -> Range<Int>? {
    bytes.firstRange(of: needle, from: start)
  }

  /// The first place of a text's UTF-8. See ``firstRange(of:from:)-(RawSpan,_)``.
  public borrowing func firstRange(of needle: StaticString, from start: Int = 0) -> Range<Int>? {
    bytes.firstRange(of: needle, from: start)
  }

  /// Whether the view begins with the bytes.
  public borrowing func starts(with prefix: RawSpan) -> Bool {
    bytes.starts(with: prefix)
  }

  /// Whether the view begins with the bytes.
  public borrowing func starts(with prefix: [UInt8]) -> Bool {
    bytes.starts(with: prefix)
  }

  /// Whether the view begins with the text's UTF-8.
  public borrowing func starts(with prefix: StaticString) -> Bool {
    bytes.starts(with: prefix)
  }

  /// Whether the view has exactly these bytes.
  public borrowing func elementsEqual(_ other: RawSpan) -> Bool {
    bytes.elementsEqual(other)
  }

  /// Whether the view has exactly these bytes.
  public borrowing func elementsEqual(_ other: [UInt8]) -> Bool {
    bytes.elementsEqual(other)
  }

  /// Whether the view has exactly the text's UTF-8.
  public borrowing func elementsEqual(_ other: StaticString) -> Bool {
    bytes.elementsEqual(other)
  }

  /// Whether both views have the same bytes.
  public borrowing func elementsEqual(_ other: borrowing ReadView) -> Bool {
    bytes.elementsEqual(other.bytes)
  }

  /// Whether the view has exactly the text's UTF-8, except that letters from A to Z equal those from a to z on either
  /// side.
  public borrowing func equalsIgnoringASCIICase(_ text: StaticString) -> Bool {
    bytes.equalsIgnoringASCIICase(text)
  }

  /// The number that the bytes are the decimal digits of.
  ///
  /// - Returns: nil unless there are digits and nothing else (no sign, no blank), and the number fits into an `Int`.
  public borrowing func decimal() -> Int? {
    bytes.decimal()
  }

  /// The number that the bytes are the hexadecimal digits of, large or small.
  ///
  /// - Returns: nil unless there are digits and nothing else (no sign, no `0x`), and the number fits into an `Int`.
  public borrowing func hexadecimal() -> Int? {
    bytes.hexadecimal()
  }

  /// The bytes as text.
  ///
  /// - Returns: a copy as a string; nil if the bytes are not valid UTF-8.
  public borrowing func text() -> String? {
    bytes.text()
  }
}
