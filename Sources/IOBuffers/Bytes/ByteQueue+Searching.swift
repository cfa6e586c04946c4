/// Finding and comparing across the boundaries of views, with the C library's fast loops inside of each.
extension ByteQueue {
  // Sound: the pointers are those of needles, in their closures, and of views that the queue holds.
  /// The first place of a byte (memchr(3)).
  ///
  /// - Parameters:
  ///   - byte: what to look for.
  ///   - start: where to begin; outside of the queue nothing is found. The view that has it is searched from the nearer end,
  ///     so that looking at what came last costs nothing for what was looked at before.
  /// - Returns: the offset, or nil if the byte is not there.
  public borrowing func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    guard start >= 0, start < total else { return nil }
    var (place, offset) = locate(start)
    var from = start - offset
    while let view = view(at: place) {
      if let hit = unsafe view.span.firstIndex(of: byte, from: from) { return offset + hit }
      offset += Int(view.count)
      place += 1
      from = 0
    }
    return nil
  }

  /// The first place of a sequence of bytes.
  ///
  /// Looks for the first byte and compares what follows: linear for protocol delimiters, at worst the product of both
  /// lengths for a needle that repeats its beginning.
  ///
  /// - Parameters:
  ///   - needle: what to look for. An empty one is found at `start`.
  ///   - start: where to begin, see ``firstIndex(of:from:)``; outside of the queue nothing is found.
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

  /// Whether the queue begins with the bytes.
  public borrowing func starts(with prefix: RawSpan) -> Bool {
    unsafe prefix.withUnsafeBytes { unsafe matches($0, at: (0, 0)) }
  }

  /// Whether the queue begins with the bytes.
  public borrowing func starts(with prefix: [UInt8]) -> Bool {
    unsafe prefix.withUnsafeBytes { unsafe matches($0, at: (0, 0)) }
  }

  /// Whether the queue begins with the text's UTF-8.
  public borrowing func starts(with prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { unsafe matches(UnsafeRawBufferPointer($0), at: (0, 0)) }
  }

  /// Whether the queue has exactly these bytes.
  public borrowing func elementsEqual(_ other: RawSpan) -> Bool {
    total == other.byteCount && starts(with: other)
  }

  /// Whether the queue has exactly these bytes.
  public borrowing func elementsEqual(_ other: [UInt8]) -> Bool {
    total == other.count && starts(with: other)
  }

  /// Whether the queue has exactly the text's UTF-8.
  public borrowing func elementsEqual(_ other: StaticString) -> Bool {
    other.withUTF8Buffer { unsafe total == $0.count && matches(UnsafeRawBufferPointer($0), at: (0, 0)) }
  }

  /// Whether the queue has exactly the text's UTF-8, except that letters from A to Z equal those from a to z on either
  /// side.
  public borrowing func equalsIgnoringASCIICase(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { text -> Bool in
      guard total == text.count else { return false }
      var rest = UnsafeRawBufferPointer(text)
      var isEqual = true
      forEachSpan { span in
        let part = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(span.byteCount))
        isEqual = unsafe isEqual && span.startsIgnoringASCIICase(with: part)
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(span.byteCount))
      }
      return isEqual
    }
  }

  private borrowing func firstRange(of needle: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
    guard start >= 0, start <= total else { return nil }
    guard let first = unsafe needle.first else { return start..<start }
    // The last place where the needle still fits.
    let last = total - needle.count
    guard start <= last else { return nil }
    var (place, offset) = locate(start)
    var from = start - offset
    while offset <= last, let view = view(at: place) {
      let end = min(Int(view.count), last - offset + 1)
      while from < end {
        let hit = unsafe Platform.firstIndex(of: first, in: view.base + from, count: end - from)
        guard let hit else { break }
        from += hit
        if unsafe matches(needle, at: (place, from)) { return offset + from..<offset + from + needle.count }
        from += 1
      }
      offset += Int(view.count)
      place += 1
      from = 0
    }
    return nil
  }

  /// Whether the bytes are there, from an offset of a view on.
  private borrowing func matches(_ wanted: UnsafeRawBufferPointer, at start: (place: Int, offset: Int)) -> Bool {
    guard let base = wanted.baseAddress else { return true }
    var (place, offset) = start
    var done = 0
    while done < wanted.count {
      guard let view = view(at: place) else { return false }
      let count = min(Int(view.count) - offset, wanted.count - done)
      guard unsafe Platform.equal(view.base + offset, base + done, count: count) else { return false }
      done += count
      place += 1
      offset = 0
    }
    return true
  }
}
