import ArgumentParser
import RESP
import Serving
import Sluice

/// A store of keys and values in memory that clients of Redis can talk to.
@main
struct KeyValue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A key-value store that speaks a part of Redis's protocol (RESP2).",
    discussion: """
      Commands: PING, ECHO, SET (EX, PX, NX, XX), GET, DEL, EXISTS, INCR, DECR, INCRBY, DECRBY, APPEND, MGET, MSET, EXPIRE, \
      TTL, DBSIZE, FLUSHALL, QUIT; pipelined or not, also as lines of words. As Redis it serves all clients on one thread, \
      so that no command sees another one half done.

      Try it: start `KeyValue --port 7379`, then `redis-cli -p 7379 set greeting hello`, or \
      `redis-benchmark -p 7379 -t set,get -P 16`.
      """
  )

  @OptionGroup var options: ServerOptions

  @Option(help: .port)
  var port: UInt16 = 7379

  @Option(help: ArgumentHelp("The most memory for keys and values; more is refused.", valueName: "megabytes"))
  var memory = 256

  func validate() throws {
    guard (1...1 << 20).contains(memory) else { throw ValidationError("--memory must be from 1 to 1048576.") }
  }

  func run() async throws {
    let logger = options.logger("key-value")
    let limit = memory << 20
    // Large values have memory of their own: replies never wait for it.
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: limit))
    let server = TCPServer(address: try options.address(port), configuration: options.configuration, logger: logger)
    try await serve(server, logger: logger) { server, whenListening in
      try await server.run(whenListening: whenListening, state: { _ in Store(limit: limit) }) { connection, store in
        var client = RESPConnection(connection, arena: arena)
        while let command = try await client.next() {
          try await client.answer(store.withValue { $0.answer(command) })
          if command.count == 1, command[0].word == "QUIT" { return try await client.flush() }
        }
      }
    }
  }
}
