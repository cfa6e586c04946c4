public import DequeModule

/// Looking at the bytes where they are.
extension ByteQueue {
  // Sound: the spans are of views that the queue holds, and it is borrowed until `body` has returned; they cannot escape it.
  /// Calls `body` with the bytes of each view, in order.
  ///
  /// - Parameter body: reads the bytes; they cannot escape it. What it throws ends the loop.
  @inlinable
  public borrowing func forEachSpan<E: Error>(_ body: (RawSpan) throws(E) -> Void) throws(E) {
    guard let first = head else { return }
    try unsafe body(first.span)
    guard let rest else { return }
    for view in rest { try unsafe body(view.span) }
  }

  /// Calls `body` with the bytes of the first view: those that are contiguous in memory. An empty span if the queue is
  /// empty. ``joinPrefix(_:from:file:line:)`` makes them more.
  ///
  /// - Parameter body: reads the bytes; they cannot escape it.
  /// - Returns: what `body` returns.
  @inlinable
  public borrowing func withFirstBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    guard let first = head else { return try body(RawSpan()) }
    return try unsafe body(first.span)
  }

  /// Calls `body` with all bytes, contiguous in memory. For parsers of what is short, such as a line or a head: no copy if
  /// the bytes are in one view, as they are as a rule; otherwise they are copied to an array, which is gone afterwards.
  ///
  /// - Parameter body: reads the bytes; they cannot escape it.
  /// - Returns: what `body` returns.
  @inlinable
  public borrowing func withBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    if isContiguous { return try withFirstBytes(body) }
    let copy = bytes()
    // Sound: the span is of the array, which lives until `body` has returned.
    return try unsafe body(copy.span.bytes)
  }

  /// The first byte; nil if the queue is empty.
  @inlinable
  public var first: UInt8? { byte(at: 0) }

  /// One byte. Constant time in the first view, otherwise linear in the number of views between it and the nearer end.
  ///
  /// - Parameter offset: from the start of the queue.
  /// - Returns: the byte, or nil if there are not so many.
  @inlinable
  public borrowing func byte(at offset: Int) -> UInt8? {
    guard offset >= 0, offset < total, let first = head else { return nil }
    if offset < Int(first.count) { return unsafe first.base.load(fromByteOffset: offset, as: UInt8.self) }
    return laterByte(at: offset)
  }

  /// Copies bytes into memory of the caller's, as many as it has room for.
  ///
  /// - Parameters:
  ///   - target: receives the bytes, from its start on.
  ///   - start: the offset of the first byte to copy. Nothing is copied from outside of the queue.
  /// - Returns: how many bytes were copied.
  @discardableResult
  public borrowing func copyBytes(to target: inout MutableRawSpan, from start: Int = 0) -> Int {
    guard start >= 0, start < total else { return 0 }
    let count = min(target.byteCount, total - start)
    return unsafe target.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      unsafe copyBytes(start..<start + count, to: base)
      return count
    }
  }

  /// Copies bytes to the end of memory that the caller fills, as many as it has room for.
  ///
  /// - Parameters:
  ///   - target: receives the bytes behind what it has.
  ///   - start: the offset of the first byte to copy. Nothing is copied from outside of the queue.
  /// - Returns: how many bytes were copied.
  @discardableResult
  public borrowing func copyBytes(to target: inout OutputRawSpan, from start: Int = 0) -> Int {
    guard start >= 0, start < total else { return 0 }
    let count = min(target.freeCapacity, total - start)
    return unsafe target.withUnsafeMutableBytes { bytes, initialized in
      guard let base = bytes.baseAddress else { return 0 }
      unsafe copyBytes(start..<start + count, to: base + initialized)
      initialized += count
      return count
    }
  }

  /// Copies bytes to the end of memory that the caller fills, as many as it has room for.
  ///
  /// - Parameters:
  ///   - target: receives the bytes behind what it has.
  ///   - start: the offset of the first byte to copy. Nothing is copied from outside of the queue.
  /// - Returns: how many bytes were copied.
  @discardableResult
  public borrowing func copyBytes(to target: inout OutputSpan<UInt8>, from start: Int = 0) -> Int {
    guard start >= 0, start < total else { return 0 }
    let count = min(target.freeCapacity, total - start)
    return unsafe target.withUnsafeMutableBufferPointer { bytes, initialized in
      guard let base = bytes.baseAddress else { return 0 }
      unsafe copyBytes(start..<start + count, to: UnsafeMutableRawPointer(base + initialized))
      initialized += count
      return count
    }
  }

  /// A copy of all bytes as an array. For tests and small things.
  public borrowing func bytes() -> [UInt8] {
    bytes(in: 0..<total)
  }

  /// A copy of a part of the bytes as an array, to be kept without what they came in.
  ///
  /// - Parameter range: offsets of the bytes. Nothing is copied from outside of the queue.
  public borrowing func bytes(in range: Range<Int>) -> [UInt8] {
    let range = range.clamped(to: 0..<total)
    return unsafe [UInt8](unsafeUninitializedCapacity: range.count) { target, initialized in
      guard let base = target.baseAddress else { return }
      unsafe copyBytes(range, to: UnsafeMutableRawPointer(base))
      initialized = range.count
    }
  }

  /// The bytes as text.
  ///
  /// - Returns: a copy as a string; nil if the bytes are not valid UTF-8.
  public borrowing func text() -> String? {
    if isContiguous { return withFirstBytes { $0.text() } }
    let bytes = bytes()
    return unsafe bytes.span.bytes.text()
  }

  /// Where a byte is: which view has it, and the offset in the queue of that view's first byte. Searches from the nearer
  /// end. For ``count`` it is the place after the last view.
  borrowing func locate(_ offset: Int) -> (place: Int, start: Int) {
    if offset <= total / 2 {
      var (place, start) = (0, 0)
      while let view = view(at: place), start + Int(view.count) <= offset {
        start += Int(view.count)
        place += 1
      }
      return (place, start)
    }
    var (place, start) = (viewCount, total)
    while start > offset, let view = view(at: place - 1) {
      place -= 1
      start -= Int(view.count)
    }
    return (place, start)
  }

  /// The nth view; nil if there are not so many.
  borrowing func view(at place: Int) -> DetachedView? {
    if place == 0 { return head }
    guard let rest, place > 0, place <= rest.count else { return nil }
    return rest[place - 1]
  }

  @inline(never)
  @usableFromInline
  borrowing func laterByte(at offset: Int) -> UInt8? {
    let (place, start) = locate(offset)
    return unsafe view(at: place)?.base.load(fromByteOffset: offset - start, as: UInt8.self)
  }

  /// Calls `body` with the parts of a range of the bytes, which must be within the queue, in order.
  borrowing func forEachPart<E: Error>(_ range: Range<Int>, _ body: (RawSpan) throws(E) -> Void) throws(E) {
    var (place, start) = locate(range.lowerBound)
    var offset = range.lowerBound
    while offset < range.upperBound, let view = view(at: place) {
      let end = min(start + Int(view.count), range.upperBound)
      try unsafe body(view.span.extracting(offset - start..<end - start))
      start += Int(view.count)
      offset = end
      place += 1
    }
  }

  /// Copies a range of the bytes, which must be within the queue, to memory that has room for them.
  borrowing func copyBytes(_ range: Range<Int>, to target: UnsafeMutableRawPointer) {
    var place = unsafe target
    forEachPart(range) { part in
      unsafe part.withUnsafeBytes { bytes in
        guard let from = bytes.baseAddress else { return }
        unsafe place.copyMemory(from: from, byteCount: bytes.count)
        unsafe place += bytes.count
      }
    }
  }
}
