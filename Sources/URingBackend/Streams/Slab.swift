/// Records at stable addresses, named by a small index that is reused.
///
/// Access is a shift, a mask and two loads, without a class or an exclusivity check in between: records are mutated in
/// place many times per message. Memory grows by a chunk at a time and is kept until the slab goes.
/// One thread only.
@safe
final class Slab<Element: ~Copyable> {
  private static var shift: Int { 7 }
  private static var chunkSize: Int { 1 << shift }
  private static var maximumChunks: Int { 1 << 16 }

  /// Indexes are below this: 8,388,608 records.
  static var maximumCount: Int { maximumChunks << shift }

  // A chunk is never moved or freed before the slab goes; every index is checked against `count` before it is followed.
  private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>
  private var chunkCount = 0
  private let make: (Int) -> Element

  /// - Parameter make: builds the record that stands at an index from then on.
  init(make: @escaping (Int) -> Element) {
    self.make = make
    // 512 KiB of address space; only the pages that are used become resident.
    unsafe chunks = .allocate(capacity: Slab.maximumChunks)
  }

  deinit {
    for index in 0..<chunkCount {
      unsafe chunks[index]?.deinitialize(count: Slab.chunkSize)
      unsafe chunks[index]?.deallocate()
    }
    unsafe chunks.deallocate()
  }

  /// How many records exist.
  var count: Int { chunkCount << Slab.shift }

  /// Adds a chunk of records; false when the slab has reached its bound.
  func grow() -> Bool {
    guard chunkCount < Slab.maximumChunks else { return false }
    let chunk = UnsafeMutablePointer<Element>.allocate(capacity: Slab.chunkSize)
    for offset in 0..<Slab.chunkSize {
      unsafe (chunk + offset).initialize(to: make((chunkCount << Slab.shift) + offset))
    }
    unsafe (chunks + chunkCount).initialize(to: chunk)
    chunkCount += 1
    return true
  }

  /// The record at `index`, in place. The index must be below `count`.
  @inline(__always)
  subscript(index: Int) -> Element {
    unsafeAddress {
      unsafe UnsafePointer(address(of: index))
    }
    unsafeMutableAddress {
      unsafe address(of: index)
    }
  }

  /// One record, found once: for code that touches it many times.
  @safe
  struct Place {
    // Made by `place(_:)` from a checked index; the engine that owns the slab outlives all places.
    fileprivate let address: UnsafeMutablePointer<Element>

    /// The record, in place.
    @inline(__always)
    var record: Element {
      unsafeAddress { unsafe UnsafePointer(address) }
      nonmutating unsafeMutableAddress { unsafe address }
    }
  }

  /// The place of the record at `index`, which must be below `count`. Good for as long as the slab.
  @inline(__always)
  func place(_ index: Int) -> Place { unsafe Place(address: address(of: index)) }

  @inline(__always)
  private func address(of index: Int) -> UnsafeMutablePointer<Element> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such record")
    return unsafe chunks[index >> Slab.shift].unsafelyUnwrapped + (index & (Slab.chunkSize - 1))
  }
}
