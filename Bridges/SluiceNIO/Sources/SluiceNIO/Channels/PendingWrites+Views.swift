@_spi(Bridging) internal import IOBuffers
internal import NIOCore
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Makes views of what is written, and gives them to a transport. This is where it is decided what is copied.
///
/// A small write is copied, behind other small ones, into memory of the loop's arena: a view of its own would cost more than that,
/// and an entry of its own in the vector of a send. A larger one is sent from where it lies; the view keeps the buffer's storage,
/// so that whoever goes on to write to a buffer that shares it makes a copy.
struct OutgoingViews: ~Copyable {
  /// A write of so many bytes or fewer is copied.
  static let mostCopied = 2048

  private var copies: OutputBytes
  private let pins: PinnedMemory

  init(_ arena: BufferArena, _ pins: PinnedMemory) {
    copies = OutputBytes(arena: arena)
    self.pins = pins
  }

  /// Takes a piece. Some of it may wait for `finish`.
  mutating func add(_ buffer: ByteBuffer, to transport: StreamTransport) throws(IOError) {
    if buffer.readableBytes <= OutgoingViews.mostCopied, copy(buffer) { return }
    finish(to: transport)
    transport.send(try pin(buffer))
  }

  /// False: the arena has no memory to spare.
  private mutating func copy(_ buffer: ByteBuffer) -> Bool {
    do throws(BufferError) {
      try copies.append(buffer.readableBytesSpan)
      return true
    } catch {
      return false
    }
  }

  /// Hands over what was copied.
  mutating func finish(to transport: StreamTransport) {
    guard !copies.isEmpty else { return }
    var views = copies.finish()
    while let view = views.popFirst() { transport.send(view) }
  }

  /// A view of a buffer's bytes, which keeps its storage.
  private func pin(_ buffer: ByteBuffer) throws(IOError) -> ReadView {
    var view: ReadView?
    // The storage stays where it is for as long as somebody has a reference to it, and whoever would write to storage that is shared makes a
    // copy.
    unsafe buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
      view = unsafe pins.view(of: bytes, keeping: storage.takeUnretainedValue())
    }
    guard let view else { throw IOError(errnoCode: ENOBUFS, reason: "send") }
    return view
  }

  /// Reads a piece of a file, on the caller's thread.
  static func read(
    _ region: FileRegion,
    count: Int,
    into allocator: ByteBufferAllocator
  ) throws(IOError) -> ByteBuffer {
    var buffer = allocator.buffer(capacity: count)
    while buffer.readableBytes < count {
      let done = buffer.readableBytes
      var failure: CInt = 0
      let taken: Int
      do {
        taken = try region.fileHandle.withUnsafeFileDescriptor { descriptor in
          unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - done) { room in
            // No more than what there is room for, and what is wanted.
            let wanted = min(count - done, room.count)
            let result = unsafe pread(descriptor, room.baseAddress, wanted, off_t(region.readerIndex + done))
            if result < 0 { failure = errno }
            return max(0, result)
          }
        }
      } catch {
        throw error as? IOError ?? IOError(errnoCode: EBADF, reason: "read: \(error)")
      }
      if failure == EINTR { continue }
      guard failure == 0 else { throw IOError(errnoCode: failure, reason: "read") }
      // Shorter than the region says: the stream would have a hole.
      guard taken > 0 else { throw IOError(errnoCode: EIO, reason: "read: the file ends before the region does") }
    }
    return buffer
  }
}
