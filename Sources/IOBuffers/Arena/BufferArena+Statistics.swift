extension BufferArena {
  /// What an arena has and does, at one moment. From ``BufferArena/statistics``.
  public struct Statistics: Sendable, Equatable {
    /// How many segments are mapped.
    public var segments = 0
    /// How many bytes are mapped.
    public var mappedBytes = 0
    /// How many bytes may be mapped.
    public var byteLimit = 0
    /// How many of the mapped bytes the system agreed to back with huge pages (for transparent ones: to try).
    public var hugePageBytes = 0
    /// How many slots fit in the segments, including those that were never lent.
    public var slotsTotal = 0
    /// How many slots are lent: they have an owner or views, or the kernel holds them.
    public var slotsOut = 0
    /// How many slots are not lent.
    public var slotsFree = 0
    /// How many segments were ever mapped.
    public var growths = 0
    /// How many segments were given back before the arena was closed.
    public var trims = 0
    /// How often somebody had to wait for a slot.
    public var waits = 0
    /// How many wait now.
    public var waiting = 0
    /// How often a buffer moved to a larger slot, which copies its bytes.
    public var moves = 0
    /// How many bytes those moves copied.
    public var movedBytes = 0
    /// How many read views are out; nil with diagnostics off.
    public var readersOut: Int?
    /// How many write views are out, including those of the kernel; nil with diagnostics off.
    public var writersOut: Int?

    init() {}
  }
}
