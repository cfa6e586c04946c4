import RESP
import Sluice
import Testing
import URingTesting

struct RESPConnectionTests {
  /// Serves with as much memory for large strings, and answers each command with how many strings it has.
  private func serve(_ network: TestNetwork, bytes: Int) throws -> TestPeer {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: bytes))
    let server = try network.serve { connection in
      var client = RESPConnection(connection, arena: arena)
      while let command = try await client.next() { try await client.answer(.integer(command.count)) }
    }
    return try network.connect(to: server)
  }

  @Test func aCommandThatThereIsNoMemoryForIsSkippedAndTheNextOnesAreNot() throws {
    let large = String(repeating: "x", count: 2 << 20)
    let network = try TestNetwork()
    let client = try serve(network, bytes: 1 << 20)
    try client.send("PING\r\n*2\r\n$4\r\nECHO\r\n$\(large.utf8.count)\r\n\(large)\r\nGET a\r\n")
    #expect(try client.receiveLine() == ":1")
    #expect(try client.receiveLine().hasPrefix("-OOM"))
    #expect(try client.receiveLine() == ":2")
    try client.finish()
    #expect(try client.receiveToEnd().isEmpty)
  }

  @Test func whatIsNoProtocolIsSaidToBeBehindTheAnswers() throws {
    try forEachSeed(0..<50) { network in
      let client = try serve(network, bytes: 1 << 20)
      try client.send("PING\r\n*1\r\n:1\r\nPING\r\n")
      let text = String(decoding: try client.receiveToEnd(), as: UTF8.self)
      try #require(text == ":1\r\n-ERR Protocol error: malformed: expected '$'\r\n")
    }
  }
}

struct RESPStringTests {
  @Test(arguments: [0, 1, 21, 22, 23, 100])
  func stringsAreEqualHoweverTheyAreKept(_ count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    var queue = ByteQueue()
    let arena = try BufferArena()
    try queue.append(bytes + [0xFF], in: arena)
    let view = SharedView(try queue.takeView(count, from: arena))
    let forms = [RESPString(bytes), .copy(bytes), .large(view)]
    for string in forms {
      #expect(string.bytes == bytes && string.count == count)
      for other in forms { #expect(string == other && string.hashValue == other.hashValue) }
      #expect(string != RESPString(bytes + [0]))
    }
  }
}
