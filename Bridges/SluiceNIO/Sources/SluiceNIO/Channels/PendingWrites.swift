internal import DequeModule
internal import NIOCore

/// What a channel has to write, in order, as a value: it does no I/O and calls nobody, so that tests can walk every path.
///
/// A write goes through four stages: queued, flushed, handed over (as one or more pieces), done. Promises are taken one at a time
/// when their writes are done, because whoever waits for one may write, flush or close.
struct PendingWrites {
  /// What is to be handed over next.
  enum Piece {
    case bytes(ByteBuffer)
    /// To be read from a file. So many bytes of the region's beginning.
    case file(FileRegion, count: Int)
  }

  private struct Write {
    /// What is not handed over; nil when all is.
    var rest: IOData?
    /// Bytes that the kernel has not taken.
    var unsent: Int
    let promise: EventLoopPromise<Void>?
  }

  /// No piece of bytes is larger than this: what a send takes, and a view can name.
  static let largestPiece = 1 << 30
  /// No piece of a file is larger than this: it is read into memory.
  static let largestFilePiece = 128 << 10

  private var writes = Deque<Write>()
  /// The first so many writes are done, and their promises wait to be taken.
  private var done = 0
  /// … are handed over. May be behind `done`, as writes without bytes are handed to nobody.
  private var handed = 0
  /// … are flushed.
  private var flushed = 0
  /// Bytes that are handed over and not taken by the kernel.
  private(set) var inFlight = 0
  /// Bytes that the kernel has not taken, those that are not flushed included.
  private(set) var bytes = 0

  var marks = ChannelOptions.Types.WriteBufferWaterMark(low: 32 << 10, high: 64 << 10)
  /// Whether the queue is below its mark: false from the write that passes the high one until less than the low one is left.
  private(set) var isWritable = true
  /// What handlers were told last.
  private var toldWritable = true

  /// Whether writes are left that are not done.
  var hasUnsent: Bool { writes.count > done }
  /// Whether some of those are not flushed.
  var hasUnflushed: Bool { writes.count > flushed }
  /// Whether some of what is flushed is not handed over.
  var hasUnhanded: Bool { writes[min(handed, flushed)..<flushed].contains { $0.unsent > 0 && $0.rest != nil } }

  /// Queues a write.
  ///
  /// - Returns: whether the handlers are to be told that the channel is not writable any more.
  mutating func add(_ data: IOData, _ promise: EventLoopPromise<Void>?) -> Bool {
    let count = data.readableBytes
    writes.append(Write(rest: data, unsent: count, promise: promise))
    bytes += count
    guard isWritable, bytes > marks.high else { return false }
    isWritable = false
    toldWritable = false
    return true
  }

  /// Everything that was queued may go.
  mutating func flush() { flushed = writes.count }

  /// The next piece of what is flushed; nil when there is none.
  ///
  /// - Parameter fileBytes: how much may be read from a file now. With zero a file, and what is behind it, waits.
  mutating func nextPiece(fileBytes: Int) -> Piece? {
    while handed < flushed {
      switch writes[handed].rest {
      case .byteBuffer(let buffer) where buffer.readableBytes > 0:
        return .bytes(cut(buffer))
      case .fileRegion(let region) where region.readableBytes > 0:
        guard fileBytes > 0 else { return nil }
        return cut(region, min(fileBytes, PendingWrites.largestFilePiece))
      case .byteBuffer, .fileRegion, nil: pass()
      }
    }
    return nil
  }

  /// Takes the beginning of the buffer that is next: all of it, unless that is huge.
  private mutating func cut(_ buffer: ByteBuffer) -> ByteBuffer {
    var rest = buffer
    guard rest.readableBytes > PendingWrites.largestPiece,
      let slice = rest.readSlice(length: PendingWrites.largestPiece)
    else {
      inFlight += buffer.readableBytes
      // Whoever sends it keeps its memory from here on.
      pass()
      return buffer
    }
    inFlight += slice.readableBytes
    writes[handed].rest = .byteBuffer(rest)
    return slice
  }

  private mutating func cut(_ region: FileRegion, _ most: Int) -> Piece {
    let count = min(region.readableBytes, most)
    inFlight += count
    if count == region.readableBytes {
      pass()
    } else {
      var rest = region
      rest.moveReaderIndex(forwardBy: count)
      writes[handed].rest = .fileRegion(rest)
    }
    return .file(region, count: count)
  }

  private mutating func pass() {
    writes[handed].rest = nil
    handed += 1
  }

  /// The kernel has taken so many more of the bytes that were handed over.
  mutating func sent(_ count: Int) {
    var left = min(count, inFlight)
    inFlight -= left
    bytes -= left
    while left > 0 {
      let taken = min(left, writes[done].unsent)
      writes[done].unsent -= taken
      left -= taken
      if writes[done].unsent == 0 { done += 1 }
    }
    finishEmpty()
    if bytes < marks.low { isWritable = true }
  }

  /// Writes without bytes are done when those before them are, once they are flushed.
  mutating func finishEmpty() {
    while done < flushed, writes[done].unsent == 0 { done += 1 }
  }

  /// Takes the first write that is done; nil when none is. Its promise may be nil.
  mutating func popDone() -> EventLoopPromise<Void>?? {
    guard done > 0 else { return nil }
    let write = writes.removeFirst()
    done -= 1
    handed = max(0, handed - 1)
    flushed -= 1
    return .some(write.promise)
  }

  /// Whether the handlers are to be told that the channel is writable again. Once for each time.
  mutating func becameWritable() -> Bool {
    guard !toldWritable, isWritable else { return false }
    toldWritable = true
    return true
  }

  /// Gives up all that is not done.
  ///
  /// - Returns: the promises, in the order of the writes.
  mutating func removeUnsent() -> [EventLoopPromise<Void>] {
    let promises = writes[done...].compactMap(\.promise)
    writes.removeLast(writes.count - done)
    handed = min(handed, done)
    flushed = done
    inFlight = 0
    bytes = 0
    return promises
  }
}
