import CLiburing
@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Scenario {
  /// Vectored sends, and sends beside other operations.
  static let vectors: [Scenario] = [
    Scenario("vectors go out in order") { bench in
      let pair = try bench.connection()
      bench.sendVectors("send", pair, [1, 200, 0, 30])
      try bench.end("send")
      bench.sendVectors("nothing", pair, [0])
      try bench.end("nothing")
      try bench.read(pair, 231)
      bench.note("peer", peerOf: pair)
    },
    Scenario("vectors that wait are copied at submission") { bench in
      let pair = try bench.connection(smallBuffers: true)
      let spoil = bench.sendVectors("send", pair, [10, large, 0, 50_000, 1])
      try bench.submit()
      spoil()
      try bench.rest()
      try bench.end("send", whileReading: pair)
      try bench.read(pair, pair.nextSend)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("vectors that have sent nothing are copied at submission") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("first", pair, large)
      try bench.fill(pair)
      bench.cancel("cancel", "first")
      try bench.end("cancel", "first")
      let spoil = bench.sendVectors("second", pair, [1000, 2000])
      try bench.submit()
      spoil()
      try bench.end("second", whileReading: pair)
      try bench.read(pair, pair.nextSend)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("vectors that need not be whole are short") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.sendVectors("send", pair, [10, large, 10], waitsForAll: false)
      try bench.end("send")
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
    Scenario("a reset ends vectors that wait") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.sendVectors("send", pair, [10, large, 10])
      try bench.rest()
      try pair.peer.reset()
      try bench.end("send")
      bench.sendVectors("next", pair, [10, 10])
      try bench.end("next")
    },
    Scenario(
      "a large send and its cancel in one batch",
      order: .ofAll,
      exception: """
        A send that has just sent a part, and is about to be tried again, is in no table of the kernel's: a cancel of the \
        same batch answers ENOENT, and the send goes on. In user space the cancel finds it, as the kernel's does a turn \
        later.
        """
    ) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      bench.cancel("cancel", "send")
      try bench.end("cancel")
      try bench.rest()
      bench.noteState("send")
      try bench.end("send", whileReading: pair)
    },
    Scenario("bytes come in while a send waits", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.send("send", pair, large)
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.rest()
      for count in 1...3 {
        try pair.write(10)
        try bench.reach("receive", count)
      }
      try bench.end("send", whileReading: pair)
      try bench.read(pair, large)
      bench.note("peer", peerOf: pair)
      try pair.peer.finish()
      try bench.end("receive")
    },
    Scenario("cancelled vectors have sent a part", order: .ofAll) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.sendVectors("send", pair, [10, large, 10])
      try bench.rest()
      bench.cancel("cancel", "send")
      try bench.end("cancel", "send")
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair, sent: pair.nextSend)
    },
  ]
}
