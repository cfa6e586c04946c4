/// Appending bytes. Amortized constant time per byte.
extension OutputBytes {
  // Sound: each writes only where there is room, which was tested or made before, in memory that nobody else sees.
  /// Appends a copy of the bytes.
  ///
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append(_ bytes: RawSpan) throws(BufferError) {
    try unsafe bytes.withUnsafeBytes { (source) throws(BufferError) in try unsafe append(source) }
  }

  /// Appends text that is part of the program, as UTF-8.
  ///
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append(_ text: StaticString) throws(BufferError) {
    guard text.hasPointerRepresentation else { return try append(text.description) }
    try unsafe append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends text as UTF-8. Without a copy in between if the text is UTF-8 in memory, as that of Swift is.
  ///
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append(_ text: some StringProtocol) throws(BufferError) {
    try append(text.utf8)
  }

  /// Appends bytes: at once if they are contiguous in memory, otherwise one after the other.
  ///
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append(_ bytes: some Collection<UInt8>) throws(BufferError) {
    let result = bytes.withContiguousStorageIfAvailable { storage -> Result<Void, BufferError> in
      do throws(BufferError) {
        try unsafe append(UnsafeRawBufferPointer(storage))
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    if let result { return try result.get() }
    let count = bytes.count
    try reserve(count)
    // No more than there is room for, also if the collection has more than it said.
    for byte in bytes.prefix(count) { put(byte) }
  }

  /// Appends the same byte several times.
  ///
  /// - Parameters:
  ///   - byte: what to append.
  ///   - count: how many times.
  /// - Throws: ``BufferError/negativeSize(_:)``; as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  public mutating func append(repeating byte: UInt8, count: Int) throws(BufferError) {
    try reserve(count)
    var left = count
    while left > 0 {
      if room == 0 { nextChunk() }
      let piece = min(left, room)
      unsafe place?.initializeMemory(as: UInt8.self, repeating: byte, count: piece)
      advance(piece)
      left -= piece
    }
  }

  /// Appends an integer.
  ///
  /// - Parameters:
  ///   - integer: what to append.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; nothing is then added.
  @inlinable
  public mutating func append<T: PlainInteger>(_ integer: T, as order: Endianness = .big) throws(BufferError) {
    _ = T._seal
    let raw = order == .big ? integer.bigEndian : integer.littleEndian
    if room >= MemoryLayout<T>.size {
      unsafe place?.storeBytes(of: raw, as: T.self)
      advance(MemoryLayout<T>.size)
    } else {
      // Sound: the seal says that all of the integer's bits are its value.
      try unsafe withUnsafeBytes(of: raw) { (source) throws(BufferError) in try unsafe append(source) }
    }
  }

  /// Has the caller write up to `capacity` bytes where they are to be: contiguous, neither zeroed before nor copied after. At most
  /// 128 MiB.
  ///
  /// Unsafe, because Swift 6.3 does not see that a span for writing which is lent `inout` can be moved to a variable that
  /// outlives it. `body` must not move the span anywhere. All the other functions of this type are safe.
  ///
  /// What is left of the chunk, if it is less than `capacity`, is not used any more, even if it was reserved.
  ///
  /// - Parameters:
  ///   - capacity: how many bytes there must be room for.
  ///   - body: appends to the span. What it throws is passed on; then nothing is added.
  /// - Returns: what `body` returns.
  /// - Throws: what `body` throws; ``BufferError/negativeSize(_:)``; as ``BufferArena/allocate(minimumCapacity:)``. Nothing
  ///   is then added.
  @unsafe
  @inlinable
  public mutating func unsafeAppend<R>(
    capacity: Int,
    initializing body: (inout OutputRawSpan) throws(BufferError) -> R
  ) throws(BufferError) -> R {
    if capacity < 0 || capacity > room { try makeContiguousRoom(capacity) }
    let target = unsafe UnsafeMutableRawBufferPointer(start: place, count: capacity)
    var span = unsafe OutputRawSpan(buffer: target, initializedCount: 0)
    let result = try body(&span)
    let count = unsafe span.finalize(for: target)
    advance(count)
    return result
  }

  /// Appends one byte, for which there is room in this chunk or a spare one.
  @inlinable
  mutating func put(_ byte: UInt8) {
    if room == 0 { nextChunk() }
    unsafe place?.storeBytes(of: byte, as: UInt8.self)
    advance(1)
  }

  /// Appends bytes that may be anywhere but in this output's own room.
  @inlinable
  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(BufferError) {
    guard let from = bytes.baseAddress, bytes.count > 0 else { return }
    if bytes.count <= room {
      unsafe place?.copyMemory(from: from, byteCount: bytes.count)
      advance(bytes.count)
    } else {
      try unsafe appendPieces(bytes)
    }
  }

  /// More than the chunk has room for: fills it, and goes on in the next.
  @inline(never)
  @usableFromInline
  mutating func appendPieces(_ bytes: UnsafeRawBufferPointer) throws(BufferError) {
    guard var from = bytes.baseAddress else { return }
    try reserve(bytes.count)
    var left = bytes.count
    while left > 0 {
      if room == 0 { nextChunk() }
      let piece = min(left, room)
      unsafe place?.copyMemory(from: from, byteCount: piece)
      advance(piece)
      unsafe from += piece
      left -= piece
    }
  }

  /// Goes on where `n` bytes have room together.
  @inline(never)
  @usableFromInline
  mutating func makeContiguousRoom(_ n: Int) throws(BufferError) {
    guard n >= 0 else { throw .negativeSize(n) }
    start(try loanChunk(max(n, chunkBytes)))
  }
}
