import CLiburing
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Peers that write until nothing moves, and read nothing; later, if they are asked to, everything.
struct Flood {
  struct Peer {
    let client: BlockingClient
    let pattern: Pattern
    var sent = 0
    var received = 0
    var isOver = false
  }

  private(set) var peers: [Peer]
  var clients: [BlockingClient] { peers.map(\.client) }

  /// Connects peers with small buffers of their own, so that what they send must stay in the server.
  init(port: UInt16, count: Int, bufferBytes: Int32 = 4096) throws {
    peers = try (0..<count).map { seed in
      Peer(client: try BlockingClient(port: port, bufferBytes: bufferBytes), pattern: Pattern(seed: seed + 1))
    }
  }

  /// Writes until no peer can write for a while. Returns how many bytes the other side took from all of them.
  @discardableResult
  mutating func fill(quietMilliseconds: Int32 = 100) throws -> Int {
    while true {
      let ready = try wait(for: POLLOUT, quietMilliseconds)
      if ready.isEmpty { return peers.reduce(0) { $0 + $1.sent } }
      for place in ready {
        peers[place].sent += try peers[place].client.sendWithoutWaiting(peers[place].pattern, from: peers[place].sent)
      }
    }
  }

  /// The same, again and again until `condition` holds: on a busy machine the other side may stand still for a while.
  @discardableResult
  mutating func fill(until condition: () -> Bool) throws -> Int {
    for _ in 0..<100 {
      let total = try fill()
      if condition() { return total }
    }
    throw EchoFailure(reason: "the other side takes nothing, and nothing comes of it", at: 0, of: peers.count)
  }

  /// Ends every peer's stream and reads it back: every byte must come, in its place, and then the end.
  mutating func readEverythingBack() throws {
    for peer in peers { try peer.client.closeOutput() }
    try unsafe withUnsafeTemporaryAllocation(byteCount: Pattern.longest, alignment: 64) { buffer in
      while peers.contains(where: { !$0.isOver }) {
        let ready = try wait(for: POLLIN, 20_000)
        try #require(!ready.isEmpty, "nothing comes any more")
        for place in ready {
          let count = try unsafe peers[place].client.receiveSome(buffer, flags: Int32(MSG_DONTWAIT))
          if count == 0 {
            peers[place].isOver = true
          } else {
            let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
            let isRight = unsafe peers[place].pattern.matches(piece, at: peers[place].received)
            try #require(isRight, "other bytes came back")
            peers[place].received += count
          }
        }
      }
    }
    for peer in peers { #expect(peer.received == peer.sent) }
  }

  private func wait(for events: Int32, _ milliseconds: Int32) throws -> [Int] {
    let open = peers.indices.filter { !peers[$0].isOver }
    var polls = open.map { pollfd(fd: peers[$0].client.descriptor, events: Int16(events), revents: 0) }
    guard unsafe poll(&polls, nfds_t(polls.count), milliseconds) >= 0 else { throw Errno(rawValue: errno) }
    return zip(open, polls).compactMap { $1.revents == 0 ? nil : $0 }
  }
}
