import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SluiceNIO
import Testing

/// Where a scenario is played: a group of loops, and what happened on it.
final class Stage: Sendable {
  enum System: String, CaseIterable {
    case swiftNIO
    case ring
  }

  typealias Handlers = @Sendable (any Channel) -> [any ChannelHandler]

  static let none: Handlers = { _ in [] }
  static let echo: Handlers = { _ in [Script.echo()] }

  let log = ScenarioLog()
  let group: any EventLoopGroup
  private let system: System
  private let cast = NIOLockedValueBox(Cast())
  private let accepted: AsyncStream<any Channel>
  private let accept: AsyncStream<any Channel>.Continuation
  /// Sees to it that no scenario waits for ever, also when the loops do.
  private let watch = MultiThreadedEventLoopGroup.singleton.next()

  private struct Cast {
    var channels: [(name: String, channel: any Channel)] = []
    var children = 0
    var isOver = false
  }

  /// Something did not happen.
  struct Hangs: Error {}

  private init(_ system: System, threads: Int) throws {
    self.system = system
    switch system {
    case .swiftNIO: group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    case .ring: group = try RingEventLoopGroup(numberOfThreads: threads)
    }
    (accepted, accept) = AsyncStream.makeStream()
  }

  /// Plays a scenario, and closes what it leaves open; returns what happened.
  static func play(
    _ system: System,
    threads: Int = 1,
    _ scenario: (Stage) async throws -> Void
  ) async throws -> ScenarioLog {
    let stage = try Stage(system, threads: threads)
    do {
      try await scenario(stage)
    } catch {
      stage.log.note("scenario", describe(error))
    }
    await stage.end()
    return stage.log
  }

  // MARK: Channels

  var server: any ServerBuilder {
    switch system {
    case .swiftNIO: ServerBootstrap(group: group)
    case .ring: RingServerBootstrap(group: group)
    }
  }

  var client: any ClientBuilder {
    switch system {
    case .swiftNIO: ClientBootstrap(group: group)
    case .ring: RingClientBootstrap(group: group)
    }
  }

  /// A server's bootstrap whose channels are recorded.
  func recordedServer(_ detail: Recorder.Detail = .all, _ handlers: @escaping Handlers = { _ in [] })
    -> any ServerBuilder
  {
    server
      .serverChannelInitializer { channel in
        self.cast(channel, "server")
        return self.add([Recorder(self.log, "server", readsChannels: true)], to: channel)
      }
      .childChannelInitializer { channel in
        let name = self.nextChild()
        self.cast(channel, name)
        self.accept.yield(channel)
        return self.add([Recorder(self.log, name, detail)] + handlers(channel), to: channel)
      }
  }

  /// Listens on some port of the loopback.
  func listen(
    _ detail: Recorder.Detail = .all,
    child handlers: @escaping Handlers = { _ in [] }
  ) async throws -> any Channel {
    try await listen(detail, configure: { $0 }, child: handlers)
  }

  func listen(
    _ detail: Recorder.Detail = .all,
    configure: (any ServerBuilder) -> any ServerBuilder,
    child handlers: @escaping Handlers = { _ in [] }
  ) async throws -> any Channel {
    try await value(configure(recordedServer(detail, handlers)).bind(to: .init(ipAddress: "127.0.0.1", port: 0)))
  }

  /// A client's bootstrap whose channels are recorded.
  func recordedClient(_ detail: Recorder.Detail = .all, _ handlers: @escaping Handlers = { _ in [] })
    -> any ClientBuilder
  {
    client.channelInitializer { channel in
      self.cast(channel, "client")
      return self.add([Recorder(self.log, "client", detail)] + handlers(channel), to: channel)
    }
  }

  func connect(
    to server: any Channel,
    _ detail: Recorder.Detail = .all,
    client handlers: @escaping Handlers = { _ in [] }
  ) async throws -> any Channel {
    try await connect(to: server, detail, configure: { $0 }, client: handlers)
  }

  func connect(
    to server: any Channel,
    _ detail: Recorder.Detail = .all,
    configure: (any ClientBuilder) -> any ClientBuilder,
    client handlers: @escaping Handlers = { _ in [] }
  ) async throws -> any Channel {
    let address = try #require(server.localAddress)
    return try await value(configure(recordedClient(detail, handlers)).connect(to: address))
  }

  /// The next channel that was accepted; its initializer is done or under way.
  func child() async throws -> any Channel {
    let promise = watch.makePromise(of: (any Channel).self)
    promise.completeWithTask { [accepted] in
      for await channel in accepted { return channel }
      throw Hangs()
    }
    return try await value(promise.futureResult)
  }

  private func nextChild() -> String {
    cast.withLockedValue { cast in
      cast.children += 1
      return cast.children == 1 ? "child" : "child \(cast.children)"
    }
  }

  func cast(_ channel: any Channel, _ name: String) {
    cast.withLockedValue { $0.channels.append((name, channel)) }
    channel.closeFuture.whenComplete { self.log.note(name, "is closed: \(describe($0))") }
  }

  /// Closes the channel of this name that came last.
  func closeLast(_ name: String) async throws {
    let channel = try #require(cast.withLockedValue { $0.channels.last { $0.name == name }?.channel })
    try await value(channel.end())
  }

  private func add(_ handlers: [any ChannelHandler], to channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandlers(handlers) }
  }

  // MARK: Waiting

  /// Waits for a future, but not for ever.
  func value<T: Sendable>(_ future: EventLoopFuture<T>) async throws -> T {
    let promise = watch.makePromise(of: T.self)
    future.cascade(to: promise)
    let alarm = watch.scheduleTask(in: .seconds(20)) { promise.fail(Hangs()) }
    defer { alarm.cancel() }
    return try await promise.futureResult.get()
  }

  /// Waits until this line is on a track so often, but not for ever.
  func until(_ track: String, _ line: String, times: Int = 1) async throws {
    for _ in 0..<10_000 {
      if log.lines(of: track).count(where: { $0 == line }) >= times { return }
      try await Task.sleep(for: .milliseconds(2))
    }
    throw Hangs()
  }

  /// Waits until the loops have done what they have to do now, and what that brings about.
  func settle() async {
    for _ in 0..<3 {
      for loop in group.makeIterator() { _ = try? await value(loop.submit {}) }
    }
  }

  /// Waits for what comes when nobody does anything; what has come by then is done with, however slow the loops are.
  func rest() async throws {
    try await Task.sleep(for: .milliseconds(50))
    await settle()
  }

  private func end() async {
    defer { accept.finish() }
    // Futures of a group that has ended may say nothing any more.
    guard !cast.withLockedValue({ $0.isOver }) else { return }
    // Whatever serves is closed last.
    let channels = cast.withLockedValue { $0.channels }
    for (name, channel) in channels where name != "server" {
      do {
        try await value(channel.closeFuture)
      } catch {
        log.note(name, "was left open")
        try? await value(channel.end())
      }
    }
    for (name, channel) in channels where name == "server" {
      if channel.isActive { try? await value(channel.end()) }
      _ = try? await value(channel.closeFuture)
    }
    await settle()
    await endGroup()
  }

  /// Ends the loops, with the channels that are open.
  func endGroup() async {
    cast.withLockedValue { $0.isOver = true }
    let promise = watch.makePromise(of: Void.self)
    group.shutdownGracefully { error in error.map { promise.fail($0) } ?? promise.succeed(()) }
    do {
      try await value(promise.futureResult)
    } catch {
      log.note("group", "shutdown: \(describe(error))")
    }
  }
}

/// Plays a scenario on SwiftNIO's loops and on the ring's: the same must happen.
///
/// - Returns: what happened on the ring, for whatever else must be true.
@discardableResult
func expectSame(
  threads: Int = 1,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ scenario: (Stage) async throws -> Void
) async throws -> ScenarioLog {
  let expected = try await Stage.play(.swiftNIO, threads: threads, scenario)
  let seen = try await Stage.play(.ring, threads: threads, scenario)
  #expect(!expected.text.isEmpty, sourceLocation: sourceLocation)
  if seen.text != expected.text {
    Issue.record(
      "SwiftNIO's loops:\n\(expected.text)\nThe ring:\n\(seen.text)",
      sourceLocation: sourceLocation
    )
  }
  return seen
}
