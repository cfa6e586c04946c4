import CLiburing
import SystemPackage

@testable import URingBackend

extension Scenario {
  /// Datagrams: receives of messages, one after the other and again and again, and sends to addresses.
  static let datagrams: [Scenario] = [
    Scenario("each datagram has a buffer and a header", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      let buffers = try bench.buffers(8, of: 256)
      bench.receiveMessages("receive", descriptor, buffers)
      for (number, size) in [1, 100, 200].enumerated() {
        try peer.send(Bench.payload(size))
        try bench.reach("receive", number + 1)
      }
      bench.noteState("receive")
    },
    Scenario("datagrams that wait are taken at once", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      for size in [1, 2, 3] { try peer.send(Bench.payload(size)) }
      bench.receiveMessages("receive", descriptor, try bench.buffers(8, of: 256), name: 16, control: 24)
      try bench.reach("receive", 3)
      bench.noteState("receive")
    },
    Scenario("a datagram without bytes ends a receive of messages", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      let buffers = try bench.buffers(8, of: 256)
      for size in [1, 0, 2] { try peer.send(Bench.payload(size)) }
      bench.receiveMessages("first", descriptor, buffers)
      try bench.end("first")
      bench.receiveMessages("second", descriptor, buffers)
      try bench.reach("second", 1)
      bench.noteState("second")
    },
    Scenario("a datagram that is too long is cut", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      for size in [300, 5] { try peer.send(Bench.payload(size)) }
      bench.receiveMessages("receive", descriptor, try bench.buffers(8, of: 128))
      try bench.reach("receive", 2)
    },
    Scenario("a name that is too long says how long it is", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      try peer.send(Bench.payload(5))
      bench.receiveMessages("receive", descriptor, try bench.buffers(8, of: 128), name: 4)
      try bench.reach("receive", 1)
    },
    Scenario("datagrams wait for a buffer", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      let buffers = try bench.buffers(2, of: 256, posted: [0])
      for size in [1, 2] { try peer.send(Bench.payload(size)) }
      bench.receiveMessages("first", descriptor, buffers)
      try bench.end("first")
      buffers.post([1, 0])
      bench.receiveMessages("second", descriptor, buffers)
      try bench.reach("second", 1)
      bench.noteState("second")
    },
    Scenario("a buffer without room for a header takes nothing", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, peer) = try bench.datagrams()
      try peer.send(Bench.payload(1))
      bench.receiveMessages("receive", descriptor, try bench.buffers(2, of: 32))
      try bench.end("receive")
    },
    Scenario("a receive of messages is cancelled", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, _) = try bench.datagrams()
      bench.receiveMessages("receive", descriptor, try bench.buffers(2, of: 256))
      try bench.rest()
      bench.cancel("cancel", "receive")
      try bench.end("cancel", "receive")
    },
    Scenario("a port that nobody listens on ends a receive of messages", needs: [.multishotReceiveMessage]) { bench in
      let nobody = try BlockingDatagramClient(boundTo: .loopback(port: 0)).local
      let descriptor = try bench.datagramSocket(connectedTo: nobody)
      bench.receiveMessages("receive", descriptor, try bench.buffers(2, of: 256))
      try bench.rest()
      bench.send("send", on: descriptor, 3)
      try bench.end("send", "receive")
    },
    Scenario("one datagram is received into memory of one's own") { bench in
      let (descriptor, peer) = try bench.datagrams()
      bench.receiveMessage("first", descriptor, 100)
      try bench.rest()
      try peer.send(Bench.payload(30))
      try bench.end("first")
      try peer.send(Bench.payload(200))
      bench.receiveMessage("second", descriptor, 100)
      try bench.end("second")
      try peer.send([])
      bench.receiveMessage("third", descriptor, 100)
      try bench.end("third")
    },
    Scenario("datagrams go where they say") { bench in
      let (descriptor, peer) = try bench.datagrams()
      let address = try peer.local
      for (label, size) in [("first", 10), ("second", 0), ("third", 1400)] {
        bench.sendMessage(label, descriptor, size, to: address)
        try bench.end(label)
        bench.note("peer", "\(try peer.receive().count) bytes")
      }
    },
    Scenario("a datagram that cannot be sent says why") { bench in
      let (descriptor, peer) = try bench.datagrams()
      bench.sendMessage("too long", descriptor, 66_000, to: try peer.local)
      bench.sendMessage("to nobody", descriptor, 10, to: nil)
      try bench.end("too long", "to nobody")
    },
    Scenario("a receive of messages needs buffers", needs: [.multishotReceiveMessage]) { bench in
      let (descriptor, _) = try bench.datagrams()
      let buffers = try bench.buffers(2, of: 256, posted: [])
      bench.receiveMessages("receive", descriptor, buffers)
      try bench.rest()
      bench.noteState("receive")
    },
  ]
}
