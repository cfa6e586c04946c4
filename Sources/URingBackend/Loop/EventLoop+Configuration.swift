public import IOBuffers

extension EventLoop {
  /// How a loop is set up. Every value has a default that works; every bound is there so that nothing grows for ever.
  public struct Configuration: Sendable {
    /// What carries out the loop's operations. By itself it is io_uring, and where that cannot be set up, epoll.
    public var driver: Driver = .automatic
    /// Entries of the submission queue (io_uring_setup(2)); the kernel rounds up to a power of two.
    public var submissionEntries: UInt32 = 1024
    /// Entries of the completion queue. Completions beyond it wait in the kernel; none is lost.
    public var completionEntries: UInt32 = 8192
    /// Upper bound in bytes for what this loop receives and holds for its connections. Three eighths of it are slots that the
    /// kernel fills; the rest is for copies of small pieces, made only while slots are scarce. At least 64 KiB; a smaller
    /// value counts as that.
    public var poolBytes: Int = 64 << 20
    /// Upper bound in bytes for the buffers that programs allocate from the loop's arena, such as replies. Nil: as
    /// `poolBytes`, which it comes in addition to.
    public var bufferBytes: Int?
    /// Upper bound in bytes for the datagrams that this loop receives and holds, in addition to the others. Nothing of it is
    /// mapped before the loop has a datagram socket. At least 1 MiB; a smaller value counts as that.
    public var datagramBytes: Int = 16 << 20
    /// Bytes of one receive slot, or nil to choose by what the kernel offers and by `poolBytes`. Rounded down to a power of
    /// two, and to what leaves room for sixteen slots; below 1 KiB, or above 128 MiB, the start fails.
    public var slotBytes: Int?
    /// Whether the pool asks for huge pages.
    public var hugePages: BufferArena.HugePages = .never
    /// The processor to pin the loop's thread to, or nil to let the scheduler choose.
    public var processor: Int?
    /// Kernel features that must not be used, for tests and for comparing.
    public var disabledFeatures: [KernelFeature] = []
    /// How many task jobs run before the loop looks at the ring again.
    public var jobBudget: Int = 256
    /// Sends of at least so many bytes are zero-copy ones: the card reads the bytes out of the memory that the view
    /// locks, and the lock stays until the peer has acknowledged them. Nil: never.
    ///
    /// For real network cards, where it pays from about 1 to 4 KiB on; over loopback the kernel copies anyway. A
    /// connection whose sends are copied or refused goes back to plain ones by itself. One send carries at most 1 MiB,
    /// so a larger value means never. Needs ``KernelFeature/zeroCopySend``.
    public var zeroCopySendThreshold: Int?
    /// How long the loop may look at its queue before it sleeps, each time that it has nothing to do. Zero: it sleeps at
    /// once.
    ///
    /// Spinning saves the time of a wake-up, tens of microseconds, and costs the processor while it lasts. It is adaptive:
    /// only while recent waits were short does the loop spin, so an idle loop sleeps. For few connections that need
    /// short answers; 50 to 100 microseconds are sensible.
    public var spin: Duration = .zero
    /// How the arena tracks views (see `BufferArena.Configuration`).
    public var diagnostics: BufferArena.Diagnostics = .off

    /// A configuration in which everything has its default.
    public init() {}
  }
}
