#if ZeroCopyReads
  @_spi(Bridging) internal import IOBuffers
  internal import NIOConcurrencyHelpers
  @_spi(CustomByteBufferAllocator) internal import NIOCore

  #if canImport(Glibc)
    internal import Glibc
  #elseif canImport(Musl)
    internal import Musl
  #endif

  // The SPI, which is not stable, is used in this file alone.

  /// Buffers of SwiftNIO over the memory that the kernel filled. The slot goes back to its arena when the last buffer that shares it is gone, on
  /// whatever thread that is.
  ///
  /// A `ByteBuffer` gives its memory back by address alone, so the loans are found by address. Memory that such a buffer grows into,
  /// or that is copied because somebody else shares it, is malloc(3)'s: its address is no loan's.
  enum HandedOverBuffers {
    /// Smaller reads are copied: to hand them over costs more (docs/architecture.md).
    static let least = 8 << 10

    /// A buffer that shows the bytes of a view, and keeps their lock. The caller has the only view of them.
    static func buffer(of view: consuming ReadView) -> ByteBuffer {
      let lent = LentBytes(view)
      Loans.add(lent)
      // Sound: nobody else has a view of the bytes, so they are the buffer's to write to as well; its allocator gives them back.
      return unsafe ByteBuffer(takingOwnershipOf: lent.memory, allocator: allocator)
    }

    /// For memory of loans and of malloc(3) alike.
    // Sound: each address is one that one of these has returned, or a loan's; that is SwiftNIO's word.
    private static let allocator = unsafe ByteBufferAllocator(
      allocate: { unsafe malloc($0) },
      reallocate: { old, oldSize, newSize in
        guard let old = unsafe old, let lent = unsafe Loans.remove(old) else { return unsafe realloc(old, newSize) }
        // A loan does not grow.
        guard let new = unsafe malloc(newSize) else { return nil }
        unsafe memcpy(new, old, min(oldSize, newSize))
        lent.giveBack()
        return unsafe new
      },
      deallocate: { memory in
        if let lent = unsafe Loans.remove(memory) { lent.giveBack() } else { unsafe free(memory) }
      },
      copy: { destination, source, count in unsafe memcpy(destination, source, count) }
    )
  }

  /// What was lent, by the address of its first byte. Any thread; by turns of address, so that threads seldom meet.
  private enum Loans {
    // Not a `Mutex`: see `RingChannel`.
    typealias Part = NIOLockedValueBox<[UInt: LentBytes]>

    private static let parts = (0..<16).map { _ in Part(Dictionary(minimumCapacity: 64)) }

    private static func part(_ address: UInt) -> Part {
      // Reads of one size lie so far apart.
      let mixed = (address >> 6) &* 0x9E37_79B9_7F4A_7C15
      return parts[Int(truncatingIfNeeded: mixed >> 60)]
    }

    static func add(_ lent: LentBytes) {
      // Sound: the address, which is not followed.
      let address = unsafe UInt(bitPattern: lent.memory.baseAddress)
      part(address).withLockedValue { $0[address] = lent }
    }

    static func remove(_ memory: UnsafeMutableRawPointer) -> LentBytes? {
      let address = UInt(bitPattern: memory)
      return part(address).withLockedValue { $0.removeValue(forKey: address) }
    }
  }
#endif
