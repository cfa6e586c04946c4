import ArgumentParser
import DNSMessages
import Serving
import Sluice

/// A server of names, over UDP.
@main
struct NameServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A name server (DNS) for the few records on its command line.",
    discussion: """
      Answers A, AAAA and TXT over UDP. A reply that is larger than the client takes, or than 1232 bytes, says so, and is \
      empty. There is no TCP, so such records cannot be had.

      Try it: start `NameServer --port 5300 'www.example.test A 192.0.2.1' 'example.test TXT some text'`, then \
      `dig @127.0.0.1 -p 5300 www.example.test`.
      """
  )

  @OptionGroup var options: ServerOptions
  @OptionGroup var loops: LoopOptions

  @Option(help: .port)
  var port: UInt16 = 5300

  @Argument(
    help: ArgumentHelp("A name, A, AAAA or TXT, and what the name has; in quotes.", valueName: "record"),
    transform: { text in
      guard let record = DNSRecord(text) else { throw ValidationError("This is no record.") }
      return record
    }
  )
  var records: [DNSRecord] = []

  func run() async throws {
    let logger = options.logger("name-server")
    var configuration = DatagramServer.Configuration()
    configuration.loops = loops.count
    configuration.loop.driver = options.driver
    let zone = Zone(records)
    let server = DatagramServer(address: try options.address(port), configuration: configuration, logger: logger)
    try await serve(server, logger: logger) { server, whenBound in
      try await server.run(whenBound: whenBound) { Responder(zone: zone) }
    }
  }
}

/// Answers each datagram on the loop that received it.
struct Responder: DatagramHandler {
  let zone: Zone

  mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext) {
    guard let path = datagram.path, var reply = try? socket.arena.allocate(minimumCapacity: 2048) else { return }
    // Without memory, and when too much is under way, there is no reply, as if the network had lost it.
    let isAnswered = datagram.withBytes { message in try? zone.answer(message, into: &reply) }
    if isAnswered == true { socket.send(reply, over: path) }
  }
}
