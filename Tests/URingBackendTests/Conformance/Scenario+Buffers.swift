@testable import URingBackend

extension Scenario {
  /// Provided buffers: full, empty, filled again, incremental; and limits.
  static let buffers: [Scenario] = [
    Scenario("an empty ring ends a receive at once", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(2, of: 64, posted: [])
      bench.receive("multishot", pair, buffers)
      bench.receiveOnce("once", pair, buffers)
      try bench.end("multishot", "once")
    },
    Scenario("an empty ring leaves the bytes in the socket", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(30)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 30)
      let buffers = try bench.buffers(2, of: 64, posted: [])
      bench.receive("empty", pair, buffers)
      try bench.end("empty")
      buffers.post([1])
      bench.receive("filled", pair, buffers)
      try bench.reach("filled", 1)
    },
    Scenario("a group that is not there ends a receive") { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(2, of: 64)
      buffers.unregister()
      bench.receiveOnce("receive", pair, buffers)
      try bench.end("receive")
    },
    Scenario("a receive goes on until the ring is empty", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(300)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 300)
      let buffers = try bench.buffers(4, of: 64)
      bench.receive("receive", pair, buffers)
      try bench.end("receive")
      buffers.post([2])
      bench.receive("again", pair, buffers)
      try bench.reach("again", 1)
      try bench.rest()
    },
    Scenario("bytes that fill the last buffer leave the receive armed", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(1, of: 64)
      bench.receive("receive", pair, buffers)
      try bench.rest()
      try pair.write(64)
      try bench.reach("receive", 1)
      try bench.rest()
      buffers.post([0])
      try pair.write(10)
      try bench.reach("receive", 2)
    },
    Scenario("waiting bytes that fill the last buffer leave the receive armed", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      try pair.write(64)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 64)
      let buffers = try bench.buffers(1, of: 64)
      bench.receive("receive", pair, buffers)
      try bench.reach("receive", 1)
      try bench.rest()
      bench.noteState("receive")
      try pair.write(1)
      try bench.end("receive")
    },
    Scenario("a receive that waits ends when bytes meet an empty ring", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(1, of: 64))
      try pair.write(10)
      try bench.reach("receive", 1)
      try bench.rest()
      try pair.write(10)
      try bench.end("receive")
    },
    Scenario("the end of a stream meets an empty ring", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(1, of: 64)
      bench.receive("receive", pair, buffers)
      try pair.write(10)
      try bench.reach("receive", 1)
      try pair.peer.finish()
      try bench.end("receive")
      buffers.post([0])
      bench.receive("again", pair, buffers)
      try bench.end("again")
    },
    Scenario("a reset meets an empty ring", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(1, of: 64)
      bench.receive("receive", pair, buffers)
      try pair.write(10)
      try bench.reach("receive", 1)
      try pair.peer.reset()
      try bench.end("receive")
      buffers.post([0])
      bench.receive("again", pair, buffers)
      try bench.end("again")
    },
    Scenario("a ring that is filled again feeds a receive that waits", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(3, of: 64, posted: [2])
      bench.receive("receive", pair, buffers)
      try pair.write(5)
      try bench.reach("receive", 1)
      try bench.rest()
      buffers.post([0, 1])
      try pair.write(100)
      try bench.reach("receive", 3)
    },
    Scenario("a ring may wrap", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(3, of: 64)
      bench.receive("receive", pair, buffers)
      for count in 1...40 {
        try pair.write(count)
        try bench.reach("receive", count)
        buffers.post([(count - 1) % 3])
      }
    },
    Scenario("receives of two connections share a ring", needs: [.multishotReceive]) { bench in
      let (one, other) = (try bench.connection(), try bench.connection())
      let buffers = try bench.buffers(4, of: 64)
      bench.receive("one", one, buffers)
      bench.receive("other", other, buffers)
      try bench.rest()
      try other.write(3)
      try bench.reach("other", 1)
      try one.write(70)
      try bench.reach("one", 2)
      try other.write(4)
      try bench.reach("other", 2)
      try other.write(5)
      try bench.end("other")
    },
    Scenario(
      "an incremental buffer is filled by one receive after the other",
      needs: [.multishotReceive, .incrementalBuffers]
    ) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 8192, incremental: true))
      var expected = 0
      for (count, completions) in [(5000, 1), (5000, 2), (6384, 1), (1, 1)] {
        try pair.write(count)
        expected += completions
        try bench.reach("receive", expected)
      }
      try bench.end("receive")
    },
    Scenario("waiting bytes are split at an incremental buffer's end", needs: [.multishotReceive, .incrementalBuffers])
    {
      bench in
      let pair = try bench.connection()
      try pair.write(250)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 250)
      bench.receive("receive", pair, try bench.buffers(3, of: 100, incremental: true))
      try bench.reach("receive", 3)
      try pair.write(60)
      try bench.end("receive")
    },
    Scenario(
      "a half-used buffer stays with the ring at a stream's end",
      needs: [.multishotReceive, .incrementalBuffers]
    ) { bench in
      let (one, other) = (try bench.connection(), try bench.connection())
      let buffers = try bench.buffers(2, of: 256, incremental: true)
      bench.receive("one", one, buffers)
      try one.write(100)
      try bench.reach("one", 1)
      try one.peer.finish()
      try bench.end("one")
      bench.receive("other", other, buffers)
      try other.write(200)
      try bench.reach("other", 2)
    },
    Scenario("receives once go on in an incremental buffer", needs: [.incrementalBuffers]) { bench in
      let pair = try bench.connection()
      try pair.write(100)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 100)
      let buffers = try bench.buffers(2, of: 64, incremental: true)
      for (label, length) in [("first", 10), ("second", 50), ("third", 50), ("fourth", 0)] {
        bench.receiveOnce(label, pair, buffers, length: length)
        try bench.end(label)
      }
    },
    Scenario("a limit ends a receive", needs: [.multishotReceive, .receiveLimit]) { bench in
      let pair = try bench.connection()
      try pair.write(640)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 640)
      let buffers = try bench.buffers(8, of: 64)
      bench.receive("receive", pair, buffers, limit: 100)
      try bench.end("receive")
      bench.receive("again", pair, buffers, limit: 64)
      try bench.end("again")
    },
    Scenario("a limit counts over several writes", needs: [.multishotReceive, .receiveLimit]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(8, of: 64), limit: 100)
      for count in 1...4 {
        try pair.write(25)
        try bench.reach("receive", count)
      }
      try bench.end("receive")
    },
    Scenario("a limit holds in incremental buffers", needs: [.multishotReceive, .receiveLimit, .incrementalBuffers]) {
      bench in
      let pair = try bench.connection()
      try pair.write(640)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 640)
      let buffers = try bench.buffers(2, of: 512, incremental: true)
      bench.receive("receive", pair, buffers, limit: 100)
      try bench.end("receive")
    },
    Scenario("a stream ends before a limit", needs: [.multishotReceive, .receiveLimit]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(8, of: 64), limit: 100)
      try pair.write(25)
      try bench.reach("receive", 1)
      try pair.peer.finish()
      try bench.end("receive")
    },
  ]
}
