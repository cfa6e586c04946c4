public import IOBuffers

/// Reads a connection as a protocol wants it: so many bytes, up to a delimiter, frame by frame. It keeps what came too early
/// for the next call.
///
/// ```swift
/// // A server that answers each line with its length, and says good-bye to those who send lines that are too long.
/// try await server.run { connection in
///   var reader = connection.reader()
///   do {
///     while try await reader.waitForMessage() {
///       guard let line = try await reader.readLine(limit: 1024, timeout: .seconds(10)) else { return }
///       if line.elementsEqual("quit") { return }
///       try await connection.write { output in
///         try output.append(decimal: line.count)
///         try output.append("\r\n")
///       }
///     }
///   } catch ReadError.tooLong {
///     try await connection.send("too long\r\n")
///   }
/// }
/// ```
///
/// **No copy.** What is read are views of the memory that the kernel filled, as with `TCPConnection.receive()`; one view
/// in the usual case, and then nothing is allocated. A peer that sends crumbs, which are hardly ever neighbours in
/// memory, has them copied together (into a buffer of the loop's arena), when there are 32 of fewer than 64 bytes each
/// on average, so that they do not pin a slot each.
///
/// **Nothing is lost.** After an error, also after a timeout or a cancellation, all bytes that have come and were not
/// returned are still here, in ``bytes``. The same call can be repeated, or another one made. The exceptions say so:
/// ``skip(_:timeout:)``, ``read(_:into:timeout:)``.
///
/// **Everything has a bound.** Each function names a count or has a limit. What asks for more bytes without
/// naming a number (``next(_:timeout:)``, ``read(timeout:_:)``) is bound by the reader's ``limit``. What a reader keeps
/// pins memory of the pool like every view that is kept; while slots are scarce it is charged to the connection, and
/// counts against its share (docs/architecture.md, "The pool under pressure"). So large values belong into memory of
/// their own: ``read(_:into:timeout:)``.
///
/// **One at a time.** A stream has one reader. It may be made and used on any task: on the connection's own one each call
/// costs least, and others hop to the loop and back. A connection can be read by turns through a reader and with `receive`,
/// which gives what comes behind the bytes that the reader has.
public struct ConnectionReader: ~Copyable, Sendable {
  /// What is read.
  public let connection: TCPConnection
  /// The most bytes that are kept for whoever asks for more without saying how many.
  public let limit: Int
  /// What has come and was not read yet. To look at after ``peek(_:timeout:)``; a protocol that changes goes on with
  /// `ByteQueue.take()` of it.
  public var bytes: ByteQueue

  /// All bytes that came.
  var received = 0
  /// The peer has ended its stream.
  var isAtEnd = false
  /// Until when the operations must have ended, on the loop's clock; `.max`: no bound.
  var deadline = UInt64.max
  /// `received` and `position` when a body was lent bytes and took none.
  var untouched = (received: -1, position: -1)

  init(_ connection: TCPConnection, limit: Int, bytes: consuming ByteQueue) {
    self.connection = connection
    self.limit = max(0, limit)
    self.bytes = bytes
    received = self.bytes.count
  }

  /// How many bytes of the stream have been read: taken out of this reader, by whatever function. After an error it tells
  /// how far a call came that keeps nothing, such as ``skip(_:timeout:)``.
  public var position: Int { received &- bytes.count }

  /// Bounds the time of all that is read from now on, for requests that must be there as a whole by a certain time however
  /// many calls it takes. A call that has its own `timeout` has whichever ends first. The time is measured by the loop's
  /// clock, so on a simulated network by the simulated one.
  ///
  /// What the time runs out on throws `.connection` with `SocketError.Kind.timedOut`, and nothing is lost.
  ///
  /// - Parameter timeout: how long from now on; nil: for ever, as in the beginning.
  public mutating func setDeadline(after timeout: Duration?) {
    deadline = timeout.map { connection.loop.clock.deadline(after: $0) } ?? .max
  }

  /// When a call must have ended that begins now.
  func end(of timeout: Duration?) -> UInt64 {
    guard let timeout else { return deadline }
    return min(deadline, connection.loop.clock.deadline(after: timeout))
  }

  /// Receives the next piece; false at the end of the stream.
  mutating func more(_ deadline: UInt64, endsOnStop: Bool = false) async throws(ReadError) -> Bool {
    if isAtEnd { return false }
    do throws(SocketError) {
      guard let view = try await connection.receive(until: deadline, endsOnStop: endsOnStop) else {
        // A stop is not the end: whoever is in the middle of a message goes on.
        if !endsOnStop { isAtEnd = true }
        return false
      }
      received &+= view.count
      bytes.append(view)
    } catch {
      throw .connection(error)
    }
    if bytes.viewCount >= 32 { joinCrumbs() }
    return true
  }

  /// Copies crumbs together. Each byte is copied a bounded number of times, because what was joined counts from then on.
  @inline(never)
  private mutating func joinCrumbs() {
    guard bytes.viewCount >= bytes.count / 64 else { return }
    // Without memory they stay where they are.
    try? bytes.joinPrefix(bytes.count, from: connection.arena)
  }

  /// Takes the first `count` bytes, which are there.
  mutating func take(_ count: Int) throws(ReadError) -> ByteQueue {
    do throws(BufferError) {
      return try bytes.takePrefix(count)
    } catch {
      throw .buffer(error)
    }
  }
}

extension TCPConnection {
  /// A reader, which keeps what comes too early. One per connection: it is gone with what it keeps.
  ///
  /// - Parameters:
  ///   - limit: the most bytes that it keeps for a decoder, or a body, that asks for more without saying how many. 2 MiB
  ///     unless told.
  ///   - bytes: what was received before, and is to be read first; nothing unless told.
  /// - Returns: the reader.
  public func reader(limit: Int = 2 << 20, bytes: consuming ByteQueue = ByteQueue()) -> ConnectionReader {
    ConnectionReader(self, limit: limit, bytes: bytes)
  }
}
