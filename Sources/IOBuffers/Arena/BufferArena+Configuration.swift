extension BufferArena {
  /// What an arena may use and how it is cut. Every field has a default that suits a server.
  public struct Configuration: Sendable, Equatable {
    /// The most bytes that the arena maps at a time. 64 MiB unless told; a few pages are enough to work. Headers (64
    /// bytes a slot) are not counted.
    public var byteLimit: Int = 64 << 20
    /// The size of a segment in bytes: the most that the arena grows by. 1 MiB unless told. Each size starts with a segment
    /// of a few slots, and grows by as much as it has, so that one size does not take everything from the others; at most
    /// by a quarter of the limit, and at least by one slot.
    public var segmentBytes: Int = 1 << 20
    /// The sizes that slots come in, in bytes. Larger requests get a segment of their own.
    public var slotSizes: [Int] = [256, 1024, 4096, 16384, 65536, 262_144, 1 << 20]
    /// Whether to use huge pages. Not, unless told.
    public var hugePages: HugePages = .never
    /// What is known about the views that are out. Nothing but their number, unless told.
    public var diagnostics: Diagnostics = .off
    /// The age from which ``BufferArena/holders(olderThan:)`` lists a view, if it is not told another. Nil lists all.
    public var heldTooLongAfter: Duration?

    /// Creates a configuration with the defaults that each field describes.
    public init() {}

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - byteLimit: the most bytes that the arena maps at a time.
    ///   - segmentBytes: the most that the arena grows by.
    ///   - slotSizes: the sizes that slots come in.
    ///   - hugePages: whether to use huge pages.
    ///   - diagnostics: what to record about views.
    ///   - heldTooLongAfter: the age from which a view counts as held too long.
    public init(
      byteLimit: Int = 64 << 20,
      segmentBytes: Int = 1 << 20,
      slotSizes: [Int] = [256, 1024, 4096, 16384, 65536, 262_144, 1 << 20],
      hugePages: HugePages = .never,
      diagnostics: Diagnostics = .off,
      heldTooLongAfter: Duration? = nil
    ) {
      self.byteLimit = byteLimit
      self.segmentBytes = segmentBytes
      self.slotSizes = slotSizes
      self.hugePages = hugePages
      self.diagnostics = diagnostics
      self.heldTooLongAfter = heldTooLongAfter
    }
  }

  /// Whether to use pages of 2 MiB, which spare address translations. What was got is in ``Statistics/hugePageBytes``.
  public enum HugePages: Sendable, Equatable {
    /// Ordinary pages.
    case never
    /// Ask for transparent huge pages (madvise(2), MADV_HUGEPAGE); ordinary ones if the system has none.
    case advise
    /// Take pages that the administrator reserved (mmap(2), MAP_HUGETLB); if there are none, as ``advise``.
    case prefer
    /// Only reserved huge pages; allocation throws ``BufferError/mapFailed(errno:bytes:)`` if there are none.
    case require
  }

  /// A kind of page that the system granted.
  enum Pages {
    case ordinary
    case transparent
    case huge
  }

  /// How much an arena knows about the views that are out.
  public enum Diagnostics: Sendable, Equatable {
    /// Errors say how many views are in the way. Costs nothing: the counts are the lock itself.
    case off
    /// ``Statistics`` also say how many views are out in all. Costs nothing until statistics are asked for.
    case counts
    /// Each nth view is recorded: mode, place in the source, and time. Costs a lock for each view.
    case sampled(every: Int)
    /// Each view is recorded.
    case everyView

    /// Record each nth view; nil records none.
    var samplingInterval: Int? {
      switch self {
      case .off, .counts: nil
      case .sampled(let interval): max(1, interval)
      case .everyView: 1
      }
    }
  }
}

extension BufferArena.Configuration {
  /// What the size of every mapping is a multiple of. With reserved huge pages required there is nothing smaller.
  var pageBytes: Int { hugePages == .require ? Platform.hugePageSize : Platform.pageSize }

  /// The first segment of a size class has a few slots and takes at most a sixteenth of the arena, unless huge pages are
  /// wanted. So the small sizes start with one page, and many of them fit into a small arena.
  func firstSegmentBytes(of slotBytes: Int) -> Int {
    switch hugePages {
    case .never, .advise: max(pageBytes, min(16 * slotBytes, byteLimit / 16) / pageBytes * pageBytes)
    case .prefer, .require: segmentBytes
    }
  }

  /// The largest request that an otherwise empty arena could serve.
  var largestLoan: Int { byteLimit / pageBytes * pageBytes }

  /// The same with everything brought into the ranges that the arena works with.
  func normalized() -> Self {
    var result = self
    result.byteLimit = max(byteLimit, pageBytes)
    // Slots start on cache lines, so that no two of them share one. A size that the limit has no room for would only
    // stand in the way of smaller requests, which can have a segment of their own.
    let largest = min(result.largestLoan, 1 << 31)
    let sizes = Set(slotSizes.filter { $0 > 0 && $0 <= largest }.map { ($0 + 63) / 64 * 64 })
    result.slotSizes = sizes.sorted()
    let page = hugePages == .prefer ? Platform.hugePageSize : pageBytes
    let most = max(page, min(result.byteLimit / 4, 1 << 31))
    result.segmentBytes = min(max(segmentBytes, page), most) / page * page
    return result
  }
}
