/// Writing at the end. Amortized constant time per byte.
///
/// All of these throw ``BufferError/locked(_:)`` while any view is out and, when the buffer has to move to a larger slot,
/// as ``BufferArena/allocate(minimumCapacity:)``; the buffer is then unchanged.
extension PooledBuffer {
  // Sound: `extend(by:)` makes room for exactly so many bytes that nobody else sees, and each caller writes all of
  // them.
  /// Appends a copy of the bytes.
  @inlinable
  public mutating func append(_ bytes: RawSpan) throws(BufferError) {
    let start = try unsafe extend(by: bytes.byteCount)
    unsafe bytes.withUnsafeBytes { source in
      guard let from = source.baseAddress else { return }
      unsafe start.copyMemory(from: from, byteCount: source.count)
    }
  }

  /// Appends bytes one after the other, or at once if they are contiguous.
  @inlinable
  public mutating func append(contentsOf bytes: some Sequence<UInt8>) throws(BufferError) {
    let length = length
    do throws(BufferError) {
      let done = try appendContiguous(bytes)
      if done { return }
      for byte in bytes {
        let place = try unsafe extend(by: 1)
        unsafe place.storeBytes(of: byte, as: UInt8.self)
      }
    } catch {
      self.length = length
      throw error
    }
  }

  /// Appends an integer.
  ///
  /// - Parameters:
  ///   - integer: what to append.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  @inlinable
  public mutating func append<T: PlainInteger>(
    _ integer: T,
    as order: Endianness = .big
  ) throws(BufferError) {
    _ = T._seal
    let start = try unsafe extend(by: MemoryLayout<T>.size)
    unsafe start.storeBytes(of: order == .big ? integer.bigEndian : integer.littleEndian, as: T.self)
  }

  /// Appends text as UTF-8.
  @inlinable
  public mutating func append(utf8 text: some StringProtocol) throws(BufferError) {
    try append(contentsOf: text.utf8)
  }

  /// Appends text that is part of the program, as UTF-8.
  @inlinable
  public mutating func append(utf8 text: StaticString) throws(BufferError) {
    guard text.hasPointerRepresentation else { return try append(utf8: text.description) }
    let start = try unsafe extend(by: text.utf8CodeUnitCount)
    unsafe start.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
  }

  /// Appends all bytes at once if they lie together in memory. False if they do not.
  @inlinable
  mutating func appendContiguous(_ bytes: some Sequence<UInt8>) throws(BufferError) -> Bool {
    let result = bytes.withContiguousStorageIfAvailable { storage -> Result<Void, BufferError> in
      do throws(BufferError) {
        let start = try unsafe extend(by: storage.count)
        if let from = storage.baseAddress { unsafe start.copyMemory(from: from, byteCount: storage.count) }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    guard let result else { return false }
    try result.get()
    return true
  }
}
