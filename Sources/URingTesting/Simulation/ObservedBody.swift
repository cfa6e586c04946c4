internal import IOBuffers
internal import URingBackend

/// The task of a connection that notes what it is told, and where it is hostile, does what user code does on its worst
/// days.
final class ObservedBody: @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop.
  private let seen: Observations
  private let system: SimulatedSystem
  private let service: Service
  private let isHostile: Bool
  private var others: [TCPConnection] = []
  /// Where a proxy connects to.
  static var upstream: UInt16 { 7008 }

  init(_ seen: Observations, _ system: SimulatedSystem, _ workload: Workload) {
    self.seen = seen
    self.system = system
    service = workload.service
    isHostile = workload.isHostile
  }

  func serve(_ connection: TCPConnection) async throws {
    let port = connection.peer?.port
    seen.open(port)
    do {
      if service.greetingBytes > 0 { try await greet(connection) }
      switch service {
      case .proxy: try await proxy(connection)
      case .drain:
        await connection.closeOutput()
        while let view = try await receive(connection) { view.release() }
      case .halfClosing:
        try await echo(connection)
        await connection.closeOutput()
      case .ponder: try await ponder(connection)
      case .gather: try await gather(connection)
      default: try await echo(connection)
      }
      if isHostile { abortLater(connection) }
      seen.close(port, nil)
    } catch {
      seen.close(port, error as? SocketError)
      throw error
    }
  }

  private func greet(_ connection: TCPConnection) async throws {
    var buffer = try await connection.allocate(minimumCapacity: service.greetingBytes)
    try buffer.append(contentsOf: Service.words.bytes(from: 0, count: service.greetingBytes))
    try await send(try buffer.finish(), on: connection)
  }

  private func echo(_ connection: TCPConnection) async throws {
    while let view = try await receive(connection) {
      if isHostile { try await misbehave(connection) }
      try await send(view, on: connection)
      if isHostile, system.network.choices.draw(.userAction, below: 10) == 6 { try await echoHastily(connection) }
    }
  }

  private func ponder(_ connection: TCPConnection) async throws {
    while let view = try await receive(connection) {
      let kept = try view.share()
      try await send(view, on: connection)
      let time = system.network.choices.draw(.userAction, below: 20)
      try await connection.loop.sleep(for: .milliseconds(2 + Int64(time)))
      seen.timerFired()
      kept.release()
    }
  }

  /// Receives into buffers of its own, for as long as it likes to wait; what has come by then is what it echoes.
  private func gather(_ connection: TCPConnection) async throws {
    while true {
      guard system.network.choices.draw(.userAction, below: 3) > 0 else {
        guard let view = try await receive(connection) else { return }
        try await send(view, on: connection)
        continue
      }
      let count = 1 + Int(system.network.choices.draw(.userAction, below: 400))
      let patience = Duration.milliseconds(1 + Int64(system.network.choices.draw(.userAction, below: 20)))
      let call = Task(executorPreference: connection.loop) { try await GatheredBytes(count, of: connection) }
      let clock = Task(executorPreference: connection.loop) {
        try? await connection.loop.sleep(for: patience)
        call.cancel()
      }
      let gathered = try await withTaskCancellationHandler {
        try await call.value
      } onCancel: {
        call.cancel()
      }
      clock.cancel()
      if gathered.bytes.isEmpty, !gathered.isEnd, connection.isStopping { return }
      if !gathered.bytes.isEmpty {
        seen.took(connection.peer?.port, gathered.bytes.count)
        var buffer = try await connection.allocate(minimumCapacity: gathered.bytes.count)
        try buffer.append(contentsOf: gathered.bytes)
        try await send(try buffer.finish(), on: connection)
      }
      if gathered.isEnd {
        seen.end(connection.peer?.port)
        return
      }
    }
  }

  /// Ends its own connection when nothing comes at once.
  private func echoHastily(_ connection: TCPConnection) async throws {
    guard let view = try await connection.receive(timeout: .milliseconds(1)) else { return }
    seen.took(connection.peer?.port, view.count)
    try await send(view, on: connection)
  }

  private func receive(_ connection: TCPConnection) async throws -> ReadView? {
    let port = connection.peer?.port
    guard let view = try await receiveSomehow(connection) else {
      // Nil is the end of the stream, unless the server stops.
      if !connection.isStopping { seen.end(port) }
      return nil
    }
    seen.took(port, view.count)
    return view
  }

  private func receiveSomehow(_ connection: TCPConnection) async throws -> ReadView? {
    guard service == .timed else { return try await connection.receiveUnlessStopping() }
    while true {
      let time = 1 + Int64(system.network.choices.draw(.userAction, below: 50))
      do {
        return try await connection.receive(timeout: .milliseconds(time))
      } catch {
        guard error.kind == .timedOut else { throw error }
        seen.timerFired()
      }
    }
  }

  private func send(_ view: consuming ReadView, on connection: TCPConnection) async throws {
    let count = view.count
    do {
      try await connection.send(view)
      seen.queued(connection.peer?.port, count)
    } catch {
      // Such a view is queued nevertheless.
      if error.kind == .cancelled { seen.queued(connection.peer?.port, count) }
      throw error
    }
  }

  private func proxy(_ connection: TCPConnection) async throws {
    let upstream: TCPConnection
    do {
      upstream = try await TCPConnection.connect(
        to: .loopback(port: Self.upstream),
        on: connection.loop,
        timeout: .seconds(3)
      )
    } catch {
      seen.failedConnects += 1
      throw error
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        while let view = try await upstream.receive() { try await send(view, on: connection) }
        await connection.closeOutput()
      }
      while let view = try await receive(connection) { try await upstream.send(view) }
      await upstream.closeOutput()
      try await group.waitForAll()
    }
    await upstream.close()
  }

  /// The run is over.
  func forgetOthers() { others = [] }

  private func misbehave(_ connection: TCPConnection) async throws {
    if others.count < 16 { others.append(connection) }
    switch system.network.choices.draw(.userAction, below: 10) {
    case 1:
      seen.thrown += 1
      throw OnPurpose()
    case 2: await connection.abort()
    case 3: await connection.close()
    case 4: await connection.closeOutput()
    case 5: try await connection.loop.sleep(for: .milliseconds(3))
    case 7:
      // While its own task waits for bytes, most of the time.
      closeLater(connection)
    case 8:
      let place = Int(system.network.choices.draw(.userAction, below: UInt32(others.count)))
      let other = others[place]
      Task(executorPreference: connection.loop) { await other.abort() }
    default: break
    }
  }

  /// Aborts a connection of which nobody needs anything any more: it is being closed, or gone.
  private func abortLater(_ connection: TCPConnection) {
    let loop = connection.loop
    Task(executorPreference: loop) {
      try? await loop.sleep(for: .nanoseconds(1))
      await connection.abort()
    }
  }

  private func closeLater(_ connection: TCPConnection) {
    let loop = connection.loop
    Task(executorPreference: loop) {
      try? await loop.sleep(for: .milliseconds(1))
      await connection.close()
    }
  }
}
