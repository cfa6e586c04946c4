import Logging
import Sluice
import UnixSignals

/// The same demo for datagrams: sends each one back to where it came from, out of the slot that the kernel received it into.
struct DatagramEcho {
  let options: Options

  func run() async throws {
    let logger = options.logger
    let server = DatagramServer(
      address: try options.address,
      configuration: options.datagramConfiguration,
      logger: logger
    )
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let totals = try await withThrowingTaskGroup { group in
      group.addTask {
        for await signal in signals {
          logger.info("stopping", metadata: ["signal": "\(signal)"])
          server.shutdown()
        }
      }
      defer { group.cancelAll() }
      return try await serve(server) { address in say("EchoServer listening on \(address)") }
    }
    say(
      """
      summary: datagrams in \(totals.datagramsReceived), out \(totals.datagramsSent), \
      dropped \(totals.datagramsDropped), cut \(totals.datagramsTruncated)
      """
    )
  }

  private func serve(
    _ server: DatagramServer,
    whenBound: (SocketAddress) -> Void
  ) async throws -> LoopStatistics {
    switch options.mode {
    case .async:
      try await server.run(whenBound: whenBound) { socket in
        while let datagram = try await socket.receive() {
          guard let path = datagram.path else { continue }
          await socket.send(datagram.takePayload(), over: path)
        }
      }
    case .handler:
      try await server.run(whenBound: whenBound, handler: { DatagramEchoHandler() })
    }
  }
}

/// Called on the loop's own thread for each datagram.
struct DatagramEchoHandler: DatagramHandler {
  mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext) {
    // A Unix socket without a name has no address to answer to.
    guard let path = datagram.path else { return }
    socket.send(datagram.takePayload(), over: path)
  }
}
