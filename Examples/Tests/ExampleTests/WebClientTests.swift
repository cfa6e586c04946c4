import HTTP1
import Sluice
import Testing
import URingTesting

@testable import WebServer

struct WebClientTests {
  private let good = "GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n"

  /// The status lines of all that a client receives until the server ends the connection.
  private func statuses(
    _ text: String,
    in network: TestNetwork,
    thenWaiting time: Duration = .zero
  ) throws -> [String] {
    let server = try network.serve { connection in
      let site = Site(files: nil, requestTimeout: .seconds(10), bodyLimit: 4)
      var client = WebClient(connection, site: LoopLocal(site, on: connection.loop))
      try await client.serve()
    }
    let client = try network.connect(to: server)
    try client.send(text)
    if time > .zero { try network.advance(by: time) }
    let lines = String(decoding: try client.receiveToEnd(), as: UTF8.self).split(separator: "\r\n")
    // A body has no end of line, so that the next status is behind it.
    return lines.compactMap { line in line.firstRange(of: "HTTP/1.1 ").map { String(line[$0.upperBound...].prefix(3)) }
    }
  }

  @Test(arguments: [
    ("GET /plaintext HTTP/1.1\r\n\r\n", "400"), ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "413"),
  ])
  func whatIsRefusedBehindAGoodRequestIsAnsweredHoweverItComes(_ bad: String, status: String) throws {
    try forEachSeed(0..<50) { network in
      let received = try statuses(good + good + bad, in: network)
      try #require(received == ["200", "200", status])
    }
  }

  @Test func aHeadThatComesTooSlowlyIsGivenUpAndItsClientTold() throws {
    let network = try TestNetwork()
    let received = try statuses(good + "GET /pl", in: network, thenWaiting: .seconds(11))
    #expect(received == ["200", "408"])
  }
}
