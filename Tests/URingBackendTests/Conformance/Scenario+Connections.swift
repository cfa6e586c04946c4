import CLiburing
@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Scenario {
  /// Accepts, connects, shutdowns and closes.
  static let connections: [Scenario] = [
    Scenario("a multishot accept takes each connection", needs: [.multishotAccept]) { bench in
      let (listener, address) = try bench.listener()
      bench.accept("accept", listener)
      try bench.rest()
      var peers: [any Peer] = []
      for count in 1...3 {
        peers.append(try bench.kernel.makePeer(connectedTo: address))
        try bench.reach("accept", count)
      }
      bench.cancel("cancel", "accept")
      try bench.end("cancel", "accept")
    },
    Scenario("an accept takes what waits", needs: [.multishotAccept]) { bench in
      let (listener, address) = try bench.listener()
      let peers = try (0..<3).map { _ in try bench.kernel.makePeer(connectedTo: address) }
      try bench.kernel.waitForConnection(listener)
      bench.acceptOnce("once", listener)
      try bench.end("once")
      bench.accept("multishot", listener)
      try bench.reach("multishot", peers.count - 1)
    },
    Scenario("an accept once waits for one connection") { bench in
      let (listener, address) = try bench.listener()
      bench.acceptOnce("accept", listener)
      try bench.rest()
      let peers = try (0..<2).map { _ in try bench.kernel.makePeer(connectedTo: address) }
      try bench.end("accept")
      try bench.rest()
      bench.acceptOnce("next", listener)
      try bench.end("next")
      bench.note("peers", "\(peers.count)")
    },
    Scenario("a cancelled accept leaves connections to the next", order: .ofAll) { bench in
      let (listener, address) = try bench.listener()
      bench.acceptOnce("accept", listener)
      try bench.rest()
      bench.cancel("cancel", "accept")
      try bench.end("cancel", "accept")
      let peer = try bench.kernel.makePeer(connectedTo: address)
      try bench.rest()
      bench.acceptOnce("next", listener)
      try bench.end("next")
      try peer.finish()
    },
    Scenario("an accept and its cancel in one batch", needs: [.multishotAccept], order: .ofAll) { bench in
      let (listener, _) = try bench.listener()
      bench.accept("accept", listener)
      bench.cancel("cancel", "accept")
      try bench.end("cancel", "accept")
    },
    Scenario("a cancel of everything on a listener", needs: [.multishotAccept]) { bench in
      let (listener, address) = try bench.listener()
      bench.accept("accept", listener)
      bench.poll("poll", listener, UInt32(POLLPRI))
      let peer = try bench.kernel.makePeer(connectedTo: address)
      try bench.reach("accept", 1)
      bench.cancelAll("cancel", listener)
      try bench.end("cancel", "accept", "poll")
      try peer.finish()
    },
    Scenario("a listener that is shut down ends every accept", needs: [.multishotAccept]) { bench in
      let (listener, _) = try bench.listener()
      bench.acceptOnce("first", listener)
      bench.accept("second", listener)
      try bench.rest()
      bench.shutdown("shutdown", listener, SHUT_RDWR)
      try bench.end("shutdown", "first", "second")
    },
    Scenario("an accept on what does not listen is refused") { bench in
      bench.acceptOnce("no listener", try bench.socket())
      bench.acceptOnce("connected", try bench.connection().descriptor)
      bench.acceptOnce("no socket", try bench.event())
      bench.acceptOnce("closed", 1_000_000)
      try bench.end("no listener", "connected", "no socket", "closed")
    },
    Scenario("a connection that is reset before the accept is accepted") { bench in
      let (listener, address) = try bench.listener()
      try bench.kernel.makePeer(connectedTo: address).reset()
      try bench.kernel.waitForConnection(listener)
      bench.acceptOnce("accept", listener)
      try bench.end("accept")
      if let descriptor = bench.accepted.first {
        bench.receiveOnce("receive", on: descriptor, try bench.buffers(1, of: 64))
        try bench.end("receive")
      }
    },
    Scenario("an accept without a descriptor to give fails", needs: [.multishotAccept], needsOwnDescriptors: true) {
      bench in
      let (listener, address) = try bench.listener()
      let peer = try bench.kernel.makePeer(connectedTo: address)
      try bench.kernel.waitForConnection(listener)
      try bench.kernel.useUpDescriptors()
      bench.accept("multishot", listener)
      bench.acceptOnce("once", listener)
      try bench.end("multishot", "once")
      try peer.finish()
    },
    Scenario("a connect is done when the listener has it") { bench in
      let (listener, address) = try bench.listener()
      let descriptor = try bench.socket()
      bench.connect("connect", descriptor, address)
      try bench.end("connect")
      bench.acceptOnce("accept", listener)
      try bench.end("accept")
      bench.send("send", on: descriptor, 10)
      try bench.end("send")
      if let accepted = bench.accepted.first {
        bench.receiveOnce("receive", on: accepted, try bench.buffers(1, of: 64))
        try bench.end("receive")
      }
    },
    Scenario("a connect is refused where nobody listens") { bench in
      let descriptor = try bench.socket()
      bench.connect("connect", descriptor, try bench.kernel.addressOfNobody())
      try bench.end("connect")
      bench.send("send", on: descriptor, 10)
      try bench.end("send")
    },
    Scenario("a refused socket can connect elsewhere") { bench in
      let (_, address) = try bench.listener()
      let descriptor = try bench.socket()
      bench.connect("refused", descriptor, try bench.kernel.addressOfNobody())
      try bench.end("refused")
      bench.connect("connect", descriptor, address)
      try bench.end("connect")
    },
    Scenario("a connect that waits can be cancelled", order: .ofAll) { bench in
      let descriptor = try bench.socket()
      bench.connect("connect", descriptor, try bench.kernel.addressOfTheSilent())
      try bench.rest()
      bench.cancel("cancel", "connect")
      try bench.end("cancel", "connect")
      bench.close("close", descriptor)
      try bench.end("close")
    },
    Scenario("a connect and its cancel in one batch", order: .ofAll) { bench in
      let descriptor = try bench.socket()
      bench.connect("connect", descriptor, try bench.kernel.addressOfTheSilent())
      bench.cancel("cancel", "connect")
      try bench.end("cancel", "connect")
    },
    Scenario("a connect to the silent times out", isSlow: true) { bench in
      let descriptor = try bench.socket()
      bench.kernel.makeImpatient(descriptor)
      bench.connect("connect", descriptor, try bench.kernel.addressOfTheSilent())
      try bench.end("connect")
    },
    Scenario("a connect of a connected socket is refused") { bench in
      let (_, address) = try bench.listener()
      let pair = try bench.connection()
      bench.connect("again", pair.descriptor, address)
      try bench.end("again")
    },
    Scenario("a connect of what is no socket is refused") { bench in
      let (listener, address) = try bench.listener()
      bench.connect("no socket", try bench.event(), address)
      bench.connect("closed", 1_000_000, address)
      bench.connect("listener", listener, address)
      try bench.end("no socket", "closed", "listener")
    },
    Scenario("a shutdown of what is not connected is refused") { bench in
      bench.shutdown("not connected", try bench.socket(), SHUT_WR)
      bench.shutdown("no socket", try bench.event(), SHUT_WR)
      bench.shutdown("closed", 1_000_000, SHUT_WR)
      bench.shutdown("unknown", try bench.connection().descriptor, 17)
      try bench.end("not connected", "no socket", "closed", "unknown")
    },
    Scenario("a shutdown may come again") { bench in
      let pair = try bench.connection()
      for label in ["first", "second"] {
        bench.shutdown(label, pair.descriptor, SHUT_WR)
        try bench.end(label)
      }
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a close ends the peer's stream") { bench in
      let pair = try bench.connection()
      bench.send("send", pair, 50)
      bench.close("close", pair.descriptor)
      try bench.end("send", "close")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a close with unread bytes resets the peer") { bench in
      let pair = try bench.connection()
      try pair.write(50)
      try bench.kernel.waitForInput(pair.descriptor, bytes: 50)
      bench.close("close", pair.descriptor)
      try bench.end("close")
      try bench.readToTheEnd(pair)
      bench.note("peer", peerOf: pair)
    },
    Scenario("a close of what is not open is refused") { bench in
      bench.close("closed", 1_000_000)
      bench.close("negative", -1)
      try bench.end("closed", "negative")
    },
    Scenario(
      "a socket that is closed under a receive lives on",
      needs: [.multishotReceive],
      exception: """
        Closing a descriptor does not end what io_uring has armed on it: the operation holds the socket. In user space \
        nothing can hold it, so the receive ends with ECANCELED. The engine never closes a descriptor with an operation \
        on it.
        """
    ) { bench in
      let pair = try bench.connection()
      bench.receive("receive", pair, try bench.buffers(2, of: 64))
      try bench.rest()
      bench.close("close", pair.descriptor)
      try bench.end("close")
      try? pair.write(3)
      try bench.reach("receive", 1)
      bench.cancel("cancel", "receive")
      try bench.end("cancel", "receive")
    },
    Scenario("a number that is used again is a new connection", needs: [.multishotAccept, .multishotReceive]) { bench in
      let (listener, address) = try bench.listener()
      let buffers = try bench.buffers(4, of: 64)
      bench.accept("accept", listener)
      for round in 1...4 {
        let peer = try bench.kernel.makePeer(connectedTo: address)
        try bench.reach("accept", round)
        guard let descriptor = bench.accepted.last else { return }
        let pair = BenchConnection(descriptor: descriptor, peer: peer)
        bench.receive("receive \(round)", pair, buffers)
        try bench.rest()
        try pair.write(round)
        try bench.reach("receive \(round)", 1)
        if round % 2 == 0 { try peer.finish() } else { try peer.reset() }
        try bench.end("receive \(round)")
        bench.close("close \(round)", descriptor)
        try bench.end("close \(round)")
        buffers.post([(round - 1) % 4])
      }
    },
  ]
}
