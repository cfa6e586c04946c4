internal import IOBuffers
internal import URingBackend

/// The body of an echo server that notes what it is told, and where it is hostile, does what user code does on its worst
/// days.
final class ObservedBody: @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop.
  private struct OnPurpose: Error {}

  private let seen: Observations
  private let system: SimulatedSystem
  private let isHostile: Bool

  init(_ seen: Observations, _ system: SimulatedSystem, isHostile: Bool) {
    self.seen = seen
    self.system = system
    self.isHostile = isHostile
  }

  func serve(_ connection: TCPConnection) async throws {
    seen.open()
    do {
      while let view = try await connection.receiveUnlessStopping() {
        seen.check(view.count > 0, "an empty view")
        if isHostile { try await misbehave(connection) }
        try await connection.send(view)
        if isHostile, system.network.choices.draw(.userAction, below: 10) == 1 {
          // Time is up, or it is not: what came is sent as well.
          if let more = try await connection.receive(timeout: .milliseconds(1)) { try await connection.send(more) }
        }
      }
      seen.close(nil)
    } catch {
      seen.close(error as? SocketError)
      throw error
    }
  }

  private func misbehave(_ connection: TCPConnection) async throws {
    switch system.network.choices.draw(.userAction, below: 10) {
    case 1: throw OnPurpose()
    case 2: await connection.abort()
    case 3: await connection.close()
    case 4: await connection.closeOutput()
    case 5: try await connection.loop.sleep(for: .milliseconds(3))
    default: break
    }
  }
}
