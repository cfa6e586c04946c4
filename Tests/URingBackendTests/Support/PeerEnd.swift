import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How the other side ended a connection, as a peer that reads to the end sees it.
enum PeerEnd: Equatable {
  /// A FIN: the stream is whole.
  case endOfStream
  /// A RST: it is cut.
  case reset
}

extension BlockingClient {
  /// Reads everything, and says how it ended. What comes must be `pattern` from its start.
  func readToTheEnd(of pattern: Pattern? = nil) throws -> (bytes: Int, end: PeerEnd, isIntact: Bool) {
    var (bytes, isIntact) = (0, true)
    return try unsafe withUnsafeTemporaryAllocation(byteCount: Pattern.longest, alignment: 64) { buffer in
      while true {
        do {
          let count = try unsafe receiveSome(buffer)
          if count == 0 { return (bytes, .endOfStream, isIntact) }
          if let pattern {
            let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
            isIntact = unsafe isIntact && pattern.matches(piece, at: bytes)
          }
          bytes += count
        } catch Errno.connectionReset {
          return (bytes, .reset, isIntact)
        }
      }
    }
  }

  /// The same, when the bytes do not matter.
  func end() throws -> PeerEnd {
    try readToTheEnd().end
  }

  /// Waits for a RST or a FIN without reading anything, because reading would let the other side go on.
  func waitForTheEnd(seconds: Int32) throws -> PeerEnd {
    try waitForTheEnd(milliseconds: seconds * 1000)
  }

  func waitForTheEnd(milliseconds: Int32) throws -> PeerEnd {
    // POLLRDHUP of poll(2), which the C library shows to few.
    var one = pollfd(fd: descriptor, events: 0x2000, revents: 0)
    guard unsafe poll(&one, 1, milliseconds) == 1 else { throw Errno.timedOut }
    return one.revents & Int16(POLLERR) != 0 ? .reset : .endOfStream
  }

  /// Sends as much of a pattern as goes out without waiting.
  func sendWithoutWaiting(_ pattern: Pattern, from start: Int) throws -> Int {
    var sent = 0
    while true {
      do {
        sent += try unsafe pattern.withBytes(at: start + sent, count: Pattern.longest) {
          try unsafe sendSome($0, flags: Int32(MSG_DONTWAIT))
        }
      } catch Errno.resourceTemporarilyUnavailable {
        return sent
      }
    }
  }
}
