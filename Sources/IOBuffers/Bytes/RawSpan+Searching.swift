/// Finding and comparing, with the C library's fast loops. ``ReadView`` and ``ByteQueue`` do it with these.
extension RawSpan {
  // Sound: each pointer is that of this span or of a needle, in its closure, with a count that was compared.
  /// The first place of a byte (memchr(3)).
  ///
  /// - Parameters:
  ///   - byte: what to look for.
  ///   - start: where to begin; outside of the span nothing is found.
  /// - Returns: the offset, or nil if the byte is not there.
  public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    guard start >= 0, start < byteCount else { return nil }
    return unsafe withUnsafeBytes { bytes -> Int? in
      guard let base = bytes.baseAddress else { return nil }
      return unsafe Platform.firstIndex(of: byte, in: base + start, count: bytes.count - start).map { $0 + start }
    }
  }

  /// The first place of a sequence of bytes.
  ///
  /// Looks for the first byte and compares what follows: linear for protocol delimiters, at worst the product of both
  /// lengths for a needle that repeats its beginning.
  ///
  /// - Parameters:
  ///   - needle: what to look for. An empty one is found at `start`.
  ///   - start: where to begin; outside of the span nothing is found.
  /// - Returns: the offsets, or nil if the bytes are not there.
  public func firstRange(of needle: RawSpan, from start: Int = 0) -> Range<Int>? {
    unsafe needle.withUnsafeBytes { unsafe firstRange(of: $0, from: start) }
  }

  /// The first place of a sequence of bytes. See ``firstRange(of:from:)-(RawSpan,_)``.
  public func firstRange(of needle: [UInt8], from start: Int = 0) -> Range<Int>? {
    unsafe needle.withUnsafeBytes { unsafe firstRange(of: $0, from: start) }
  }

  /// The first place of a text's UTF-8. See ``firstRange(of:from:)-(RawSpan,_)``.
  public func firstRange(of needle: StaticString, from start: Int = 0) -> Range<Int>? {
    needle.withUTF8Buffer { unsafe firstRange(of: UnsafeRawBufferPointer($0), from: start) }
  }

  /// Whether the span begins with the bytes.
  public func starts(with prefix: RawSpan) -> Bool {
    unsafe prefix.withUnsafeBytes { unsafe starts(with: $0) }
  }

  /// Whether the span begins with the bytes.
  public func starts(with prefix: [UInt8]) -> Bool {
    unsafe prefix.withUnsafeBytes { unsafe starts(with: $0) }
  }

  /// Whether the span begins with the text's UTF-8.
  public func starts(with prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { unsafe starts(with: UnsafeRawBufferPointer($0)) }
  }

  /// Whether the span has exactly these bytes.
  public func elementsEqual(_ other: RawSpan) -> Bool {
    byteCount == other.byteCount && starts(with: other)
  }

  /// Whether the span has exactly these bytes.
  public func elementsEqual(_ other: [UInt8]) -> Bool {
    byteCount == other.count && starts(with: other)
  }

  /// Whether the span has exactly the text's UTF-8.
  public func elementsEqual(_ other: StaticString) -> Bool {
    other.withUTF8Buffer { unsafe byteCount == $0.count && starts(with: UnsafeRawBufferPointer($0)) }
  }

  /// Whether the span has exactly the text's UTF-8, except that letters from A to Z equal those from a to z on either
  /// side. For the names of protocols: headers, commands. Bytes above 127 must be the same.
  public func equalsIgnoringASCIICase(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { unsafe byteCount == $0.count && startsIgnoringASCIICase(with: UnsafeRawBufferPointer($0)) }
  }

  /// The bytes as text.
  ///
  /// - Returns: a copy as a string; nil if the bytes are not valid UTF-8.
  public func text() -> String? {
    // Sound: the span is used within the closure. (`String(validating:as:)` looks up generic metadata in each call.)
    unsafe withUnsafeBytes { bytes in
      guard let text = try? UTF8Span(validating: unsafe Span(_unsafeBytes: bytes)) else { return nil }
      return String(copying: text)
    }
  }

  func firstRange(of needle: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
    guard start >= 0, start <= byteCount else { return nil }
    guard let first = unsafe needle.first, let wanted = needle.baseAddress else { return start..<start }
    return unsafe withUnsafeBytes { bytes -> Range<Int>? in
      guard let base = bytes.baseAddress else { return nil }
      var place = start
      // The last place where the needle still fits.
      let last = bytes.count - needle.count
      while place <= last {
        let hit = unsafe Platform.firstIndex(of: first, in: base + place, count: last - place + 1)
        guard let hit else { return nil }
        place += hit
        if unsafe Platform.equal(base + place, wanted, count: needle.count) { return place..<place + needle.count }
        place += 1
      }
      return nil
    }
  }

  func starts(with prefix: UnsafeRawBufferPointer) -> Bool {
    guard let wanted = prefix.baseAddress else { return true }
    return unsafe withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return unsafe prefix.isEmpty }
      return unsafe prefix.count <= bytes.count && Platform.equal(base, wanted, count: prefix.count)
    }
  }

  func startsIgnoringASCIICase(with prefix: UnsafeRawBufferPointer) -> Bool {
    guard prefix.count <= byteCount else { return false }
    for place in 0..<prefix.count where unsafe self[checked: place].asciiLowercased != prefix[place].asciiLowercased {
      return false
    }
    return true
  }
}

extension UInt8 {
  /// The byte, or, of a letter from A to Z, that from a to z.
  @inlinable
  var asciiLowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }

  /// The value of the byte as a digit, of up to 16; nil if it is none.
  @inlinable
  func digit(_ radix: Int) -> Int? {
    switch self {
    case 0x30...0x39: Int(self &- 0x30)
    case 0x41...0x46 where radix == 16: Int(self &- 0x37)
    case 0x61...0x66 where radix == 16: Int(self &- 0x57)
    default: nil
    }
  }
}
