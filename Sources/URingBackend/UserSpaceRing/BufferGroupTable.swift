/// The groups of provided buffers that were registered, by their ids.
@safe
struct BufferGroupTable: ~Copyable {
  // Why the pointer holds: `groups` has `count` initialised places from `init`, or from `set`, which replaces it, to
  // `deinit`. Ids are compared with `count`.
  private var groups: UnsafeMutablePointer<BufferGroup?>
  private var count = 4

  init() {
    unsafe groups = .allocate(capacity: 4)
    unsafe groups.initialize(repeating: nil, count: 4)
  }

  deinit { unsafe groups.deallocate() }

  /// Whether there is such a group.
  func contains(_ id: UInt16) -> Bool { unsafe Int(id) < count && groups[Int(id)] != nil }

  /// Adds or replaces a group, or takes one away.
  mutating func set(_ id: UInt16, _ group: BufferGroup?) {
    if Int(id) >= count {
      var larger = count
      while larger <= Int(id) { larger *= 2 }
      let copy = UnsafeMutablePointer<BufferGroup?>.allocate(capacity: larger)
      unsafe copy.moveInitialize(from: groups, count: count)
      unsafe (copy + count).initialize(repeating: nil, count: larger - count)
      unsafe groups.deallocate()
      unsafe groups = copy
      count = larger
    }
    unsafe groups[Int(id)] = group
  }

  /// The buffer at a group's head; nil where there is none, and without the group.
  @inline(__always)
  func first(_ id: UInt16) -> BufferGroup.Buffer? {
    Int(id) < count ? unsafe groups[Int(id)]?.first : nil
  }

  /// See ``BufferGroup/fill(_:)``.
  @inline(__always)
  func fill(_ id: UInt16, _ bytes: Int) -> UInt32 {
    Int(id) < count ? unsafe groups[Int(id)]?.fill(bytes) ?? 0 : 0
  }

  // MARK: For the checks of a simulated system

  /// Ids are below it.
  var limit: UInt16 { UInt16(clamping: count) }

  /// See ``BufferGroup/publishedTail``.
  func tail(_ id: UInt16) -> UInt16 { Int(id) < count ? unsafe groups[Int(id)]?.publishedTail ?? 0 : 0 }

  /// See ``BufferGroup/nextPosted()``.
  func nextPosted(_ id: UInt16) -> BufferGroup.Buffer? {
    Int(id) < count ? unsafe groups[Int(id)]?.nextPosted() : nil
  }

  /// Whether a posted buffer of any group has a byte in common with this one, which may itself be the last of one group.
  func overlaps(_ buffer: BufferGroup.Buffer, exceptLastOf id: UInt16?) -> Bool {
    for other in 0..<count {
      if unsafe groups[other]?.overlaps(buffer, exceptLast: id.map(Int.init) == other) == true { return true }
    }
    return false
  }
}
