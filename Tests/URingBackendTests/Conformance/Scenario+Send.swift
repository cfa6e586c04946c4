import CLiburing
@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Scenario {
  /// More than sockets with small buffers hold.
  static var large: Int { 400_000 }

  /// Sends: whole, parked, short, cancelled, reset.
  static let sends: [Scenario] = [
    Scenario("a small send goes out at once") { bench in
      let pair = try bench.connection()
      bench.send("send", pair, 100)
      try bench.end("send")
      try bench.read(pair, 100)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a send of nothing is done at once") { bench in
      let pair = try bench.connection()
      bench.send("send", pair, 0)
      try bench.end("send")
    },
    Scenario("sends of one batch go out in order", order: .ofAll) { bench in
      let pair = try bench.connection()
      for number in 0..<8 { bench.send("send \(number)", pair, 100 + number) }
      try bench.end("send 7")
      try bench.read(pair, 828)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a large send waits until the peer has read it") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      try bench.rest()
      try bench.end("send", whileReading: pair)
      try bench.read(pair, large)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a large send that need not be whole is short") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large, waitsForAll: false)
      try bench.end("send")
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a send that need not be whole waits for room") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("first", pair, large, waitsForAll: false)
      try bench.end("first")
      bench.send("filler", pair, large)
      try bench.fill(pair)
      bench.cancel("cancel", "filler")
      try bench.end("cancel", "filler")
      bench.send("second", pair, 1000, waitsForAll: false)
      try bench.rest()
      try bench.end("second", whileReading: pair)
      try bench.read(pair, pair.nextSend)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a cancelled send has sent a part", order: .ofAll) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      try bench.rest()
      bench.cancel("cancel", "send")
      try bench.end("cancel", "send")
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a cancelled send that has sent nothing", order: .ofAll) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("first", pair, large)
      try bench.fill(pair)
      bench.cancel("cancel first", "first")
      try bench.end("cancel first", "first")
      bench.send("second", pair, large)
      try bench.rest()
      bench.cancel("cancel second", "second")
      try bench.end("cancel second", "second")
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a stream goes on after a cancelled send") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("first", pair, large)
      try bench.rest()
      bench.cancel("cancel", "first")
      try bench.end("cancel", "first")
      bench.send("second", pair, large)
      try bench.end("second", whileReading: pair)
      try bench.read(pair, pair.nextSend)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a reset ends a send that has sent a part") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      try bench.rest()
      try pair.peer.reset()
      try bench.end("send")
      bench.send("next", pair, 10)
      try bench.end("next")
      bench.receiveOnce("receive", pair, try bench.buffers(1, of: 64))
      try bench.end("receive")
    },
    Scenario("a reset ends a send that has sent nothing") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("first", pair, large)
      try bench.fill(pair)
      bench.cancel("cancel", "first")
      try bench.end("cancel", "first")
      bench.send("second", pair, large)
      try bench.rest()
      try pair.peer.reset()
      try bench.end("second")
    },
    Scenario("a reset meets an armed receive and a waiting send", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      bench.send("send", pair, large)
      try bench.rest()
      try pair.peer.reset()
      try bench.end("send", "receive")
    },
    Scenario("a reset meets a waiting send and a later receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      try bench.fill(pair)
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.rest()
      try pair.peer.reset()
      try bench.end("send", "receive")
    },
    Scenario("a reset meets a receive that had bytes and a waiting send", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      bench.send("send", pair, large)
      try bench.rest()
      try pair.write(10)
      try bench.reach("receive", 1)
      try pair.peer.reset()
      try bench.end("send", "receive")
    },
    Scenario("a reset meets a send that had room and a receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      try bench.rest()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.read(pair, 100_000)
      try bench.rest()
      try pair.peer.reset()
      try bench.end("send", "receive")
    },
    Scenario("a send after a reset takes the error") { bench in
      let pair = try bench.connection()
      try pair.peer.reset()
      try bench.kernel.waitForEnd(pair.descriptor)
      bench.send("first", pair, 10)
      try bench.end("first")
      bench.send("second", pair, 10)
      try bench.end("second")
      bench.receiveOnce("receive", pair, try bench.buffers(1, of: 64))
      try bench.end("receive")
    },
    Scenario("a send after the peer's reset behind its bytes") { bench in
      let pair = try bench.connection()
      try pair.write(10)
      try pair.peer.reset()
      try bench.kernel.waitForEnd(pair.descriptor)
      bench.send("send", pair, 10)
      try bench.end("send")
      let buffers = try bench.buffers(2, of: 64)
      for label in ["first", "second"] {
        bench.receiveOnce(label, pair, buffers)
        try bench.end(label)
      }
    },
    Scenario("one's own end of output ends a waiting send") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      try bench.rest()
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown", "send")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a large send and the end of output in one batch") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown", "send")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a small send and the end of output in one batch", order: .ofAll) { bench in
      let pair = try bench.connection()
      bench.send("send", pair, 100)
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown", "send")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a send after one's own end of output is refused") { bench in
      let pair = try bench.connection()
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      bench.send("send", pair, 10)
      try bench.end("send")
    },
    Scenario("a peer that has ended its stream still reads", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try pair.peer.finish()
      try bench.end("receive")
      bench.send("send", pair, large)
      try bench.rest()
      try bench.end("send", whileReading: pair)
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a send on what is no connected socket is refused") { bench in
      bench.send("not connected", on: try bench.socket(), 10)
      bench.send("not a socket", on: try bench.event(), 10)
      bench.send("closed", on: 1_000_000, 10)
      try bench.end("not connected", "not a socket", "closed")
    },
  ]
}
