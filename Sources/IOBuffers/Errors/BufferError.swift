/// Why memory could not be lent, locked or changed. Every function that throws says which of these it throws, and when.
public enum BufferError: Error, Equatable, Sendable {
  /// Views of the buffer are out, and what was asked for needs them gone. See ``LockReport``.
  case locked(LockReport)
  /// The range or offset is not inside the bytes, of which there are `count`.
  case outOfBounds(range: Range<Int>, count: Int)
  /// A size below zero was asked for.
  case negativeSize(Int)
  /// The arena may not map enough memory for the request; all figures in bytes.
  case limitReached(requested: Int, mapped: Int, limit: Int)
  /// A request that no arena of this kind can ever serve; both figures in bytes.
  case tooLarge(requested: Int, limit: Int)
  /// The arena is closed and lends nothing any more.
  case closed
  /// The buffer already has as many views as its counters admit (16,777,215 of a kind).
  case tooManyViews
  /// This process is a forked child: the arena's memory is its parent's, and is not mapped here (madvise(2),
  /// MADV_DONTFORK). Make an arena of its own.
  case forked
  /// The operating system refused memory. `errno` is mmap(2)'s.
  case mapFailed(errno: Int32, bytes: Int)
  /// The task was cancelled while it waited.
  case cancelled
}

extension BufferError: CustomStringConvertible {
  /// One sentence for people: what happened and, where there is something to do, what to do.
  public var description: String {
    switch self {
    case .locked(let report):
      return report.description
    case .outOfBounds(let range, let count):
      return "\(range.lowerBound)..<\(range.upperBound) is outside of the \(count) bytes that are there"
    case .negativeSize(let size):
      return "a buffer cannot have \(size) bytes"
    case .limitReached(let requested, let mapped, let limit):
      return """
        no slot for \(requested) bytes: the arena has mapped \(mapped) of its limit of \(limit) bytes; \
        release views and buffers, wait with allocateWhenAvailable, or raise byteLimit
        """
    case .tooLarge(let requested, let limit):
      return "\(requested) bytes are more than the \(limit) bytes that are possible at all"
    case .closed:
      return "the arena is closed"
    case .forked:
      return "the arena belongs to the parent of this forked process; make another one"
    case .tooManyViews:
      return "the buffer has more views than can be counted; share the views less, or release some"
    case .mapFailed(let errno, let bytes):
      return "the system refused to map \(bytes) bytes (errno \(errno))"
    case .cancelled:
      return "the task was cancelled while it waited"
    }
  }
}
