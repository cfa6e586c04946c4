import NIOCore
import Testing

@testable import SluiceNIO

/// Plays on the ring's loops alone what SwiftNIO's do in another way, or what only these have.
@discardableResult
func onRing(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ scenario: (Stage) async throws -> Void
) async throws -> ScenarioLog {
  let log = try await Stage.play(.ring, scenario)
  #expect(log.lines(of: "scenario").isEmpty, sourceLocation: sourceLocation)
  return log
}

extension Stage {
  /// Whether a future fails with an error that the test looks for.
  func failure<T: Sendable>(of future: EventLoopFuture<T>) async throws -> (any Error)? {
    let promise = future.eventLoop.makePromise(of: (any Error)?.self)
    future.whenComplete { result in
      switch result {
      case .success: promise.succeed(nil)
      case .failure(let error): promise.succeed(error)
      }
    }
    return try await value(promise.futureResult)
  }

  /// A server, a peer that is a plain socket, and the channel between, which is closed in the end.
  func withConnection(
    configure: (any ServerBuilder) -> any ServerBuilder = { $0 },
    handlers: @escaping Handlers = { _ in [] },
    _ body: (RingStreamChannel, PlainSocket) async throws -> Void
  ) async throws {
    let server = try await listen(.sums, configure: configure, child: handlers)
    let peer = try PlainSocket(connectedTo: try #require(server.localAddress))
    let child = try await child()
    let channel = try #require(child as? RingStreamChannel)
    // The initializer may not be done; registering and becoming active come behind it.
    while !channel.isActive { await settle() }
    do {
      try await body(channel, peer)
    } catch {
      log.note("scenario", describe(error))
    }
    channel.close(promise: nil)
    try await value(channel.closeFuture)
  }
}
