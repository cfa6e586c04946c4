import CLiburing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Scenario {
  /// Cancellations, events, and queues that are full.
  static let rings: [Scenario] = [
    Scenario("a cancel of a receive answers first", needs: [.multishotReceive], order: .ofAll) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.rest()
      bench.cancel("cancel", "receive")
      try bench.end("cancel", "receive")
      bench.cancel("again", "receive")
      try bench.end("again")
    },
    Scenario("a receive and its cancel in one batch", needs: [.multishotReceive], order: .ofAll) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      bench.cancel("cancel", "receive")
      try bench.end("cancel", "receive")
    },
    Scenario("a cancel that comes before its target finds nothing", needs: [.multishotReceive], order: .ofAll) {
      bench in
      let pair = try bench.connection()
      bench.begin("cancel") { bench.ring.prepareCancel(target: 1, userData: $0) }
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.end("cancel")
      try pair.write(3)
      try bench.reach("receive", 1)
    },
    Scenario("a cancel of what has ended finds nothing", order: .ofAll) { bench in
      let pair = try bench.connection()
      bench.send("send", pair, 10)
      bench.cancel("cancel", "send")
      bench.cancel("unknown", "nobody")
      try bench.end("send", "cancel", "unknown")
    },
    Scenario("bytes that come before a cancel stay in the stream", needs: [.multishotReceive], order: .ofAll) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(4, of: 64)
      bench.receive("receive", pair, buffers)
      try bench.rest()
      try pair.write(5)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 5)
      bench.cancel("cancel", "receive")
      try bench.end("cancel", "receive")
      bench.receive("next", pair, buffers)
      try bench.reach("next", 1)
    },
    Scenario("bytes that come after a cancel go to the next receive", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(4, of: 64)
      bench.receive("receive", pair, buffers)
      try bench.rest()
      bench.cancel("cancel", "receive")
      bench.receive("next", pair, buffers)
      try bench.end("cancel", "receive")
      try pair.write(5)
      try bench.reach("next", 1)
    },
    Scenario("two cancels of one receive", needs: [.multishotReceive], order: .ofAll) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.rest()
      bench.cancel("first", "receive")
      bench.cancel("second", "receive")
      try bench.end("first", "second", "receive")
    },
    Scenario("what is cancelled ends behind the batch", needs: [.multishotReceive], order: .ofAll) { bench in
      let (one, other) = (try bench.connection(), try bench.connection())
      let buffers = try bench.buffers(2, of: 64)
      bench.receive("one", one, buffers)
      bench.receive("other", other, buffers)
      try bench.rest()
      bench.cancel("cancel", "one")
      bench.nothing("first")
      bench.cancelAll("cancel all", other.descriptor)
      bench.nothing("second")
      try bench.end("one", "other", "second")
    },
    Scenario("a close and a cancel of its receive in one batch", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.rest()
      bench.cancel("cancel", "receive")
      bench.close("close", pair.descriptor)
      try bench.end("cancel", "receive", "close")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a cancel of everything on a descriptor", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      bench.send("send", pair, 400_000)
      bench.poll("poll", pair.descriptor, UInt32(POLLPRI))
      try bench.rest()
      bench.cancelAll("cancel", pair.descriptor)
      try bench.end("cancel", "receive", "send", "poll")
      bench.cancelAll("again", pair.descriptor)
      try bench.end("again")
      bench.cancelAll("closed", 1_000_000)
      try bench.end("closed")
    },
    Scenario("a poll tells of bytes and leaves them") { bench in
      let pair = try bench.connection()
      bench.poll("poll", pair.descriptor, UInt32(POLLIN))
      try bench.rest()
      try pair.write(5)
      try bench.end("poll")
      bench.poll("at once", pair.descriptor, UInt32(POLLIN))
      try bench.end("at once")
      bench.receiveOnce("receive", pair, try bench.buffers(1, of: 64))
      try bench.end("receive")
    },
    Scenario("a poll tells of the peer's end") { bench in
      let (one, other) = (try bench.connection(), try bench.connection())
      // POLLRDHUP of poll(2), which the C library shows to few.
      bench.poll("end", one.descriptor, 0x2000)
      bench.poll("reset", other.descriptor, 0x2000)
      try bench.rest()
      try one.write(5)
      try bench.rest()
      try one.peer.finish()
      try other.peer.reset()
      try bench.end("end", "reset")
    },
    Scenario("a poll finds an end that has come") { bench in
      let (one, other) = (try bench.connection(), try bench.connection())
      try one.peer.finish()
      try other.peer.reset()
      try bench.kernel.waitForEnd(one.descriptor)
      try bench.kernel.waitForEnd(other.descriptor)
      bench.poll("end", one.descriptor, 0x2000)
      bench.poll("reset", other.descriptor, 0x2000)
      try bench.end("end", "reset")
    },
    Scenario("a poll for the end outlives bytes", needs: [.multishotReceive]) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      bench.poll("poll", pair.descriptor, 0x2000)
      try pair.write(5)
      try bench.reach("receive", 1)
      bench.noteState("poll")
      try pair.peer.finish()
      try bench.end("receive", "poll")
    },
    Scenario("a poll tells of room") { bench in
      let pair = try bench.connection(smallBuffers: true)
      bench.poll("at once", pair.descriptor, UInt32(POLLOUT))
      try bench.end("at once")
      bench.send("send", pair, 400_000)
      try bench.fill(pair)
      bench.cancel("cancel", "send")
      try bench.end("cancel", "send")
      bench.poll("poll", pair.descriptor, UInt32(POLLOUT))
      try bench.rest()
      bench.noteState("poll")
      try bench.end("poll", whileReading: pair)
    },
    Scenario("a poll can be cancelled", order: .ofAll) { bench in
      let pair = try bench.connection()
      bench.poll("poll", pair.descriptor, UInt32(POLLIN))
      try bench.rest()
      bench.cancel("cancel", "poll")
      try bench.end("cancel", "poll")
    },
    Scenario("a poll of a closed descriptor is refused") { bench in
      bench.poll("poll", 1_000_000, UInt32(POLLIN))
      try bench.end("poll")
    },
    Scenario("a read of an event waits for the signal") { bench in
      let event = try bench.event()
      bench.readEvent("read", event)
      try bench.rest()
      try bench.kernel.signal(event)
      try bench.end("read")
      try bench.kernel.signal(event)
      bench.readEvent("at once", event)
      try bench.end("at once")
      bench.readEvent("cancelled", event)
      try bench.rest()
      bench.cancel("cancel", "cancelled")
      try bench.end("cancel", "cancelled")
    },
    Scenario("a full submission queue is submitted on the way", order: .ofAll, entries: 4) { bench in
      let pair = try bench.connection()
      for number in 0..<20 {
        if number % 5 == 0 { bench.send("send \(number)", pair, 10) } else { bench.nothing("nothing \(number)") }
      }
      try bench.end("nothing 19")
      try bench.read(pair, 40)
      bench.note("peer", peerOf: pair)
    },
    Scenario("completions that the queue has no room for come later", order: .ofAll, entries: 8, completionEntries: 8) {
      bench in
      for number in 0..<40 { bench.nothing("nothing \(number)") }
      try bench.submit()
      bench.note("queue", bench.ring.hasOverflow ? "overflows" : "has room")
      try bench.end("nothing 39")
      bench.note("queue", bench.ring.hasOverflow ? "overflows" : "has room")
    },
    Scenario("a full completion queue costs no bytes", needs: [.multishotReceive], entries: 8, completionEntries: 8) {
      bench in
      let pair = try bench.connection()
      let buffers = try bench.buffers(16, of: 16)
      try pair.write(160)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 160)
      for number in 0..<8 { bench.nothing("nothing \(number)") }
      try bench.submit()
      // Where the kernel ends the receive for want of room, it is free to do so; what it delivers is in order.
      let bytes = try bench.receiveAll(160, pair, buffers)
      bench.note("received", "\(bytes)")
    },
    Scenario("a busy receive lets others in", needs: [.multishotReceive], completionEntries: 1024) { bench in
      let (busy, other) = (try bench.connection(), try bench.connection())
      let buffers = try bench.buffers(256, of: 16)
      try busy.write(3840)
      try other.write(1)
      try bench.kernel.waitForInput(busy.descriptor, bytes: 3840)
      try bench.kernel.waitForInput(other.descriptor, bytes: 1)
      bench.receive("busy", busy, buffers)
      bench.hide("busy")
      bench.receive("other", other, buffers)
      bench.hide("other")
      try bench.turns("3841 bytes do not come") { busy.delivered == 3840 && other.delivered == 1 }
      bench.note("other", bench.came("other", before: "busy") ? "before the end of busy" : "after the end of busy")
    },
    Scenario("an unknown operation fails alone", order: .ofAll) { bench in
      bench.nothing("before")
      bench.begin("unknown") { userData in
        guard let entry = unsafe bench.ring.nextSubmission() else { return false }
        unsafe entry.pointee.opcode = 255
        unsafe entry.pointee.user_data = userData
        return true
      }
      bench.nothing("after")
      try bench.end("before", "unknown", "after")
    },
    Scenario("nothing comes of nothing") { bench in
      try bench.rest()
      bench.nothing("nothing")
      try bench.end("nothing")
      try bench.rest()
    },
  ]
}
