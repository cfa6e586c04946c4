import CLiburing
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What one client sends and expects back: a stretch of a pattern, in chunks of random sizes.
struct EchoExchange {
  let client: BlockingClient
  let pattern: Pattern
  let total: Int
  private(set) var sent = 0
  private(set) var received = 0
  private var noise: Noise
  /// Ends the stream after the last byte, and expects the server to do the same.
  let halfCloses: Bool
  private(set) var isOver = false

  init(_ client: BlockingClient, total: Int, seed: Int, halfCloses: Bool = true) {
    self.client = client
    self.total = total
    self.halfCloses = halfCloses
    pattern = Pattern(seed: seed)
    noise = Noise(seed: UInt64(truncatingIfNeeded: seed))
  }

  var events: Int32 { isOver ? 0 : sent < total ? POLLIN | POLLOUT : POLLIN }

  mutating func writable() throws {
    let chunk = min(total - sent, chunkSize())
    guard chunk > 0 else { return }
    do {
      sent += try unsafe pattern.withBytes(at: sent, count: chunk) {
        try unsafe client.sendSome($0, flags: Int32(MSG_DONTWAIT))
      }
    } catch Errno.resourceTemporarilyUnavailable {
      return
    }
    if sent == total, halfCloses { try client.closeOutput() }
  }

  mutating func readable(_ buffer: UnsafeMutableRawBufferPointer) throws {
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunkSize()])
    let count: Int
    do {
      count = try unsafe client.receiveSome(part, flags: Int32(MSG_DONTWAIT))
    } catch Errno.resourceTemporarilyUnavailable {
      return
    }
    guard count > 0 else {
      guard received == total else { throw EchoFailure(reason: "the stream ended early", at: received, of: total) }
      isOver = true
      return
    }
    guard received + count <= sent else {
      throw EchoFailure(reason: "more came back than was sent", at: received, of: total)
    }
    guard unsafe pattern.matches(UnsafeRawBufferPointer(rebasing: part[..<count]), at: received) else {
      throw EchoFailure(reason: "other bytes came back", at: received, of: total)
    }
    received += count
    if received == total, !halfCloses { isOver = true }
  }

  /// Mostly large, sometimes tiny.
  private mutating func chunkSize() -> Int {
    switch noise.next() % 8 {
    case 0: 1 + Int(noise.next() % 64)
    case 1: 1 + Int(noise.next() % 4096)
    default: 1 + Int(noise.next() % UInt64(Pattern.longest))
    }
  }
}

/// What went wrong with an echo.
struct EchoFailure: Error {
  var reason: String
  var at: Int
  var of: Int
}

/// Many echo clients on one thread, by poll(2).
enum EchoSwarm {
  /// Runs all exchanges to their ends. Blocks.
  static func run(_ exchanges: [EchoExchange]) throws {
    var exchanges = exchanges
    try unsafe withUnsafeTemporaryAllocation(byteCount: Pattern.longest, alignment: 64) { buffer in
      while let polls = try wait(exchanges) {
        for (place, revents) in polls {
          if revents & Int32(POLLOUT) != 0 { try exchanges[place].writable() }
          if revents & Int32(POLLIN | POLLHUP | POLLERR) != 0 { try unsafe exchanges[place].readable(buffer) }
        }
      }
    }
  }

  /// One client that sends `total` bytes and verifies what comes back. Blocks.
  static func run(port: UInt16, total: Int, seed: Int = 0, ipv6: Bool = false) throws {
    try run([EchoExchange(try BlockingClient(port: port, ipv6: ipv6), total: total, seed: seed)])
  }

  /// `count` clients at a time, `total` bytes each. Blocks.
  static func run(port: UInt16, clients count: Int, total: Int) throws {
    try run(
      try (0..<count).map { EchoExchange(try BlockingClient(port: port), total: total, seed: $0) }
    )
  }

  /// Which exchanges can move; nil when all are over.
  private static func wait(_ exchanges: [EchoExchange]) throws -> [(Int, Int32)]? {
    let places = exchanges.indices.filter { !exchanges[$0].isOver }
    guard !places.isEmpty else { return nil }
    var polls = places.map { place in
      pollfd(fd: exchanges[place].client.descriptor, events: Int16(exchanges[place].events), revents: 0)
    }
    let ready = unsafe poll(&polls, nfds_t(polls.count), 50_000)
    if ready == 0 {
      let done = exchanges.reduce(0) { $0 + $1.received }
      throw EchoFailure(reason: "nothing moved for a long time", at: done, of: exchanges.reduce(0) { $0 + $1.total })
    }
    if ready < 0, errno != EINTR { throw Errno(rawValue: errno) }
    return zip(places, polls).compactMap { $1.revents == 0 ? nil : ($0, Int32($1.revents)) }
  }
}
