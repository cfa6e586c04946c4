/// Lends memory that objects keep, such as the storage of another library's buffers: again and again with the same headers, so that a
/// view costs no allocation.
///
/// As many headers are kept as views were out at a time. Any thread. Not part of the stable interface: for packages that are
/// released together with this one.
@_spi(Bridging)
public final class PinnedMemory: Sendable {
  private let home = PinHome(holders: nil)

  /// Nothing is pinned yet.
  public init() {}

  /// A reader of the bytes, which keeps their owner until it and all that were made of it are gone. O(1).
  ///
  /// - Parameters:
  ///   - bytes: must stay where and what they are for as long as the owner lives.
  ///   - owner: let go of on the thread where the last view is released.
  /// - Returns: nil for no bytes, or for more than ``BufferArena/largestBuffer``.
  @unsafe
  public func view(of bytes: UnsafeRawBufferPointer, keeping owner: AnyObject) -> ReadView? {
    // Sound: the caller's word, see above.
    unsafe home.lend(bytes, keeping: owner).map { ReadView($0) }
  }
}

/// The home of slots that are headers alone. It lives until the last of them is back.
@safe
private final class PinHome: SlotHome, @unchecked Sendable {
  // Sound: what changes is behind a lock.

  @safe
  private struct Pins: @unchecked Sendable {
    // Sound: each header is one that was allocated below, and is used by whoever has taken its index off the free list.
    var headers: [UnsafeMutablePointer<SlotHeader>] = unsafe []
    var owners: [AnyObject?] = []
    var free: [Int] = []
  }

  /// What a lock may give out.
  @safe
  private struct Pin: @unchecked Sendable {
    // Sound: goes from one thread to nobody else.
    var header: UnsafeMutablePointer<SlotHeader>
    var index: Int
  }

  @safe
  private struct Owner: @unchecked Sendable {
    // Sound: is only let go of.
    var object: AnyObject?
  }

  private let pins = Guarded(Pins())

  deinit {
    // Sound: no view is out, because each keeps its home.
    pins.withLock { pins in
      for index in 0..<pins.owners.count { unsafe UnsafeMutableRawPointer(pins.headers[index]).deallocate() }
    }
  }

  func lend(_ bytes: UnsafeRawBufferPointer, keeping owner: AnyObject) -> DetachedView? {
    guard let base = bytes.baseAddress, (1...BufferArena.largestBuffer).contains(bytes.count) else { return nil }
    let kept = Owner(object: owner)
    let pin = pins.withLock { pins -> Pin in
      if let index = pins.free.popLast() {
        pins.owners[index] = kept.object
        return unsafe Pin(header: pins.headers[index], index: index)
      }
      // Sound: a line of its own, given back in `deinit`.
      let header = unsafe UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<SlotHeader>.stride, alignment: 64)
        .bindMemory(to: SlotHeader.self, capacity: 1)
      unsafe pins.headers.append(header)
      pins.owners.append(kept.object)
      return unsafe Pin(header: header, index: pins.owners.count - 1)
    }
    // Nobody writes through it: there will be readers alone.
    let start = unsafe UnsafeMutableRawPointer(mutating: base)
    // Sound: nobody else has a header that is on no free list.
    unsafe pin.header.initialize(
      to: SlotHeader(
        base: start,
        capacity: UInt32(bytes.count),
        // Given up in `reclaimSlowly(_:)`.
        home: .passRetained(self),
        segment: 0,
        index: UInt32(pin.index),
        sizeClass: SlotHeader.noSizeClass,
        flags: []
      )
    )
    let slot = unsafe Slot(pin.header)
    slot.setLockWord(LockWord.oneReader)
    return unsafe DetachedView(slot: slot, base: start, count: UInt32(bytes.count), token: 0)
  }

  override func reclaimSlowly(_ slot: Slot) {
    // Sound: no view is left: nobody has the header but this. The reference is the one that was retained in `lend`.
    let index = unsafe Int(slot.header.pointee.index)
    unsafe slot.header.deinitialize(count: 1)
    let owner = pins.withLock { pins -> Owner in
      defer {
        pins.owners[index] = nil
        pins.free.append(index)
      }
      return Owner(object: pins.owners[index])
    }
    // Behind the lock: it may be the last reference.
    withExtendedLifetime(owner) {}
    unsafe Unmanaged<SlotHome>.passUnretained(self).release()
  }
}
