import Testing

@testable import URingBackend

/// Where the body of a connection runs.
enum Place: CaseIterable, Sendable {
  /// The connection's own task, on its loop.
  case onTheLoop
  /// A task of nobody's, elsewhere.
  case detached

  func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    switch self {
    case .onTheLoop: try await body()
    case .detached: try await Task.detached { try await body() }.value
    }
  }
}

/// How a peer cuts what it sends.
enum Delivery: CaseIterable, Sendable {
  case singleBytes
  case pieces
  case atOnce

  func send(_ bytes: [UInt8], over client: BlockingClient, seed: UInt64 = 1) throws {
    var random = Noise(seed: seed)
    var sent = 0
    while sent < bytes.count {
      let piece =
        switch self {
        case .singleBytes: 1
        case .pieces: Int.random(in: 1...2000, using: &random)
        case .atOnce: bytes.count
        }
      let end = min(bytes.count, sent + piece)
      try client.send(Array(bytes[sent..<end]))
      sent = end
    }
  }
}

/// Serves one connection with a body, and returns what that comes to. Everything must be back at the end.
func serveOne<Result: Sendable>(
  _ place: Place = .onTheLoop,
  _ configuration: TCPServer.Configuration = .init(),
  client: @escaping @Sendable (BlockingClient) throws -> Void,
  sourceLocation: SourceLocation = #_sourceLocation,
  body: @escaping @Sendable (TCPConnection) async throws -> Result
) async throws -> Result {
  let (results, report) = AsyncStream<Swift.Result<Result, any Error>>.makeStream()
  let running = try await RunningServer.start(configuration) { server, whenListening in
    try await server.run(whenListening: whenListening) { connection in
      do {
        report.yield(.success(try await place.run { try await body(connection) }))
      } catch {
        report.yield(.failure(error))
      }
    }
  }
  let port = running.port
  async let done: Void = blocking { try client(try BlockingClient(port: port)) }
  var result: Swift.Result<Result, any Error>?
  for await one in results {
    result = one
    break
  }
  try await done
  try await running.stop(sourceLocation: sourceLocation)
  return try #require(result, sourceLocation: sourceLocation).get()
}
