/// Finding and comparing, with the C library's fast loops.
extension ReadView {
  // Sound: each pointer is that of this view, of a needle in its closure, or of both, with a count that was compared.
  /// The first place of a byte (memchr(3)).
  ///
  /// - Parameters:
  ///   - byte: what to look for.
  ///   - start: where to begin; outside of the view nothing is found.
  /// - Returns: the offset, or nil if the byte is not there.
  public borrowing func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    guard start >= 0, start < count else { return nil }
    return unsafe Platform.firstIndex(of: byte, in: base + start, count: count - start).map { $0 + start }
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
    unsafe needle.withUnsafeBytes { unsafe firstRange(of: $0, from: start) }
  }

  /// The first place of a sequence of bytes. See ``firstRange(of:from:)-(RawSpan,_)``.
  public borrowing func firstRange(of needle: [UInt8], from start: Int = 0) -> Range<Int>? {
    unsafe needle.withUnsafeBytes { unsafe firstRange(of: $0, from: start) }
  }

  /// The first place of a text's UTF-8. See ``firstRange(of:from:)-(RawSpan,_)``.
  public borrowing func firstRange(of needle: StaticString, from start: Int = 0) -> Range<Int>? {
    needle.withUTF8Buffer { unsafe firstRange(of: UnsafeRawBufferPointer($0), from: start) }
  }

  /// Whether the view begins with the bytes.
  public borrowing func starts(with prefix: RawSpan) -> Bool {
    unsafe prefix.withUnsafeBytes { unsafe starts(with: $0) }
  }

  /// Whether the view begins with the bytes.
  public borrowing func starts(with prefix: [UInt8]) -> Bool {
    unsafe prefix.withUnsafeBytes { unsafe starts(with: $0) }
  }

  /// Whether the view begins with the text's UTF-8.
  public borrowing func starts(with prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { unsafe starts(with: UnsafeRawBufferPointer($0)) }
  }

  /// Whether the view has exactly these bytes.
  public borrowing func elementsEqual(_ other: RawSpan) -> Bool {
    count == other.byteCount && starts(with: other)
  }

  /// Whether the view has exactly these bytes.
  public borrowing func elementsEqual(_ other: [UInt8]) -> Bool {
    count == other.count && starts(with: other)
  }

  /// Whether the view has exactly the text's UTF-8.
  public borrowing func elementsEqual(_ other: StaticString) -> Bool {
    other.withUTF8Buffer { unsafe count == $0.count && starts(with: UnsafeRawBufferPointer($0)) }
  }

  /// Whether both views have the same bytes.
  public borrowing func elementsEqual(_ other: borrowing ReadView) -> Bool {
    unsafe count == other.count && Platform.equal(base, other.base, count: count)
  }

  /// The bytes as text.
  ///
  /// - Returns: a copy as a string; nil if the bytes are not valid UTF-8.
  public borrowing func text() -> String? {
    unsafe String(validating: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
  }

  private borrowing func firstRange(of needle: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
    guard start >= 0, start <= count else { return nil }
    guard let first = unsafe needle.first, let bytes = needle.baseAddress else { return start..<start }
    var place = start
    // The last place where the needle still fits.
    let last = count - needle.count
    while place <= last {
      let hit = unsafe Platform.firstIndex(of: first, in: base + place, count: last - place + 1)
      guard let hit else { return nil }
      place += hit
      if unsafe Platform.equal(base + place, bytes, count: needle.count) { return place..<place + needle.count }
      place += 1
    }
    return nil
  }

  private borrowing func starts(with prefix: UnsafeRawBufferPointer) -> Bool {
    guard let bytes = prefix.baseAddress else { return true }
    return unsafe prefix.count <= count && Platform.equal(base, bytes, count: prefix.count)
  }
}
