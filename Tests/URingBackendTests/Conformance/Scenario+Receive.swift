import CLiburing
@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Scenario {
  /// Receives, multishot and once, and how streams end under them.
  static let receives: [Scenario] = [
    Scenario("a multishot receive delivers each write", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.rest()
      for count in 1...3 {
        try pair.write(5 * count)
        try bench.reach("receive", count)
      }
      bench.cancel("cancel", "receive")
      try bench.end("cancel", "receive")
    },
    Scenario("a multishot receive takes at once what waits", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(100)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 100)
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.reach("receive", 2)
      try bench.rest()
    },
    Scenario("a receive says whether the socket has more", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(150)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 150)
      let buffers = try bench.buffers(8, of: 64)
      bench.receiveOnce("first", pair, buffers, showsHint: true)
      try bench.end("first")
      bench.receive("others", pair, buffers, showsHint: true)
      try bench.reach("others", 2)
    },
    Scenario("a receive into memory of one's own takes what is there") { bench in
      let pair = try bench.connection()
      try pair.write(100)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 100)
      bench.receiveInto("exact", pair, 40)
      try bench.end("exact")
      bench.receiveInto("less", pair, 1000)
      try bench.end("less")
    },
    Scenario("a receive into memory of one's own waits") { bench in
      let pair = try bench.connection()
      bench.receiveInto("receive", pair, 1000)
      try bench.rest()
      try pair.write(7)
      try bench.end("receive")
      bench.receiveInto("cancelled", pair, 1000)
      try bench.rest()
      bench.cancel("cancel", "cancelled")
      try bench.end("cancel", "cancelled")
      try pair.write(9)
      bench.receiveInto("next", pair, 1000)
      try bench.end("next")
    },
    Scenario("a receive into memory of one's own sees the end") { bench in
      let pair = try bench.connection()
      bench.receiveInto("armed", pair, 1000)
      try bench.rest()
      try pair.write(5)
      try bench.end("armed")
      try pair.peer.finish()
      bench.receiveInto("end", pair, 1000)
      try bench.end("end")
      let other = try bench.connection()
      bench.receiveInto("reset", other, 1000)
      try bench.rest()
      try other.peer.reset()
      try bench.end("reset")
    },
    Scenario("a standing receive gives way to one into memory of one's own", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(4, of: 64)
      bench.receive("standing", pair, buffers)
      try bench.rest()
      try pair.write(10)
      try bench.reach("standing", 1)
      bench.cancel("cancel", "standing")
      try bench.end("cancel", "standing")
      bench.receiveInto("own", pair, 100)
      try pair.write(20)
      try bench.end("own")
      bench.receive("again", pair, buffers)
      try pair.write(30)
      try bench.reach("again", 1)
    },
    Scenario("the stream's end follows its last bytes", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.rest()
      try pair.write(5)
      try bench.reach("receive", 1)
      try pair.peer.finish()
      try bench.end("receive")
    },
    Scenario("bytes and the end wait for a receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(5)
      try pair.peer.finish()
      try bench.kernel.waitForEnd(pair.descriptor)
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.end("receive")
    },
    Scenario(
      "a receive says that the end has come",
      needs: [.multishotReceive],
      exception: """
        The kernel counts an end that waits behind the last bytes as something that the socket still has. To find that \
        out in user space costs one more system call for each receive that does not fill its buffer. It is a hint only; \
        the end itself is delivered.
        """
    ) { bench in
      let pair = try bench.connection()
      try pair.write(5)
      try pair.peer.finish()
      try bench.kernel.waitForEnd(pair.descriptor)
      bench.receive("receive", pair, try bench.buffers(4, of: 64), showsHint: true)
      try bench.end("receive")
    },
    Scenario("the end of a stream without bytes takes no buffer", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(1, of: 64)
      bench.receive("receive", pair, buffers, showsHint: true)
      try bench.rest()
      try pair.peer.finish()
      try bench.end("receive")
      let other = try bench.connection()
      bench.receive("other", other, buffers)
      try other.write(7)
      try bench.reach("other", 1)
    },
    Scenario("a reset ends an armed receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.rest()
      try pair.peer.reset()
      try bench.end("receive")
    },
    Scenario("a reset follows the bytes that were received", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try pair.write(5)
      try bench.reach("receive", 1)
      try pair.peer.reset()
      try bench.end("receive")
    },
    Scenario("bytes and a reset wait for a receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(100)
      try pair.peer.reset()
      try bench.kernel.waitForEnd(pair.descriptor)
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.end("receive")
      bench.receive("again", pair, try bench.buffers(4, of: 64))
      try bench.end("again")
    },
    Scenario("one's own end of input ends an armed receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      try bench.rest()
      bench.shutdown("shutdown", pair.descriptor, SHUT_RD)
      try bench.end("shutdown", "receive")
    },
    Scenario("a multishot receive goes on after one's own end of output", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(4, of: 64))
      bench.shutdown("shutdown", pair.descriptor, SHUT_WR)
      try bench.end("shutdown")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
      try pair.write(9)
      try bench.reach("receive", 1)
      try pair.peer.finish()
      try bench.end("receive")
    },
    Scenario("a receive once takes what waits, up to its length") { bench in
      let pair = try bench.connection()
      try pair.write(100)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 100)
      let buffers = try bench.buffers(4, of: 64)
      bench.receiveOnce("ten", pair, buffers, length: 10)
      try bench.end("ten")
      bench.receiveOnce("a buffer", pair, buffers)
      try bench.end("a buffer")
      bench.receiveOnce("the rest", pair, buffers, length: 1000)
      try bench.end("the rest")
    },
    Scenario("a receive once waits for bytes") { bench in
      let pair = try bench.connection()
      bench.receiveOnce("receive", pair, try bench.buffers(4, of: 64))
      try bench.rest()
      try pair.write(3)
      try bench.end("receive")
      try pair.write(3)
      try bench.rest()
    },
    Scenario("receives once in turn take a stream in order") { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(8, of: 16)
      for round in 0..<6 {
        bench.receiveOnce("receive \(round)", pair, buffers)
        if round % 2 == 0 {
          try bench.rest()
          try pair.write(20)
          try bench.kernel.waitForInput(pair.descriptor, bytes: 20)
        }
        try bench.end("receive \(round)")
      }
    },
    Scenario("the end of a stream is told again and again") { bench in
      let pair = try bench.connection()
      try pair.peer.finish()
      try bench.kernel.waitForEnd(pair.descriptor)
      let buffers = try bench.buffers(2, of: 64)
      for label in ["first", "second", "third"] {
        bench.receiveOnce(label, pair, buffers)
        try bench.end(label)
      }
    },
    Scenario("a reset is told once, and then the end") { bench in
      let pair = try bench.connection()
      try pair.peer.reset()
      try bench.kernel.waitForEnd(pair.descriptor)
      let buffers = try bench.buffers(2, of: 64)
      for label in ["first", "second"] {
        bench.receiveOnce(label, pair, buffers)
        try bench.end(label)
      }
    },
    Scenario("a receive of what is no connected socket is refused") { bench in
      let buffers = try bench.buffers(2, of: 64)
      bench.receiveOnce("not connected", on: try bench.socket(), buffers)
      bench.receiveOnce("not a socket", on: try bench.event(), buffers)
      bench.receiveOnce("closed", on: 1_000_000, buffers)
      bench.receiveOnce("negative", on: -1, buffers)
      try bench.end("not connected", "not a socket", "closed", "negative")
    },
  ]
}
