import IOBuffers
import SystemPackage
import Testing
import URingBackend
import URingTesting

/// A send that has sent something when it meets a reset reports what it sent, and the error is gone with it. A receive then
/// finds the same as after a FIN. Found by the simulation: squeeze-tasks, where a reset came while a send was short.
struct ResetBehindShortSendTests {
  /// What the body was told. It belongs to the thread of the test.
  private final class Told: @unchecked Sendable {
    var kinds: [SocketError.Kind] = []
    var ends = 0
    var isOver = false
  }

  @Test func aResetThatASendHasTakenIsNoEndOfTheStream() throws {
    var limits = NetworkLimits()
    limits.sendCapacity = 1500
    limits.receiveCapacity = 1500
    // The send meets the reset first.
    let system = SimulatedSystem(choices: Choices(seed: 1, only: [.servesOutputFirst: 1]), limits: limits)
    let loop = try SteppedLoop(system, configuration: EventLoop.Configuration())
    let told = Told()
    loop.serve(system.listen(at: 7007), at: .loopback(port: 7007)) { (connection: TCPConnection) async throws -> Void in
      defer { told.isOver = true }
      _ = try await connection.receive()
      var reply = try await connection.allocate(minimumCapacity: 8000)
      try reply.append(contentsOf: [UInt8](repeating: 7, count: 8000))
      try await connection.send(reply)
      do throws(SocketError) {
        if try await connection.receive() == nil { told.ends += 1 }
      } catch {
        told.kinds.append(error.kind)
      }
    }
    let peer = system.connectPeer(to: 7007)
    var hasWritten = false
    system.playPeers = { system in
      if peer.isConnected, !hasWritten {
        hasWritten = peer.write([1]) == 1
        system.callPeers(after: 1_000_000)
      } else if hasWritten, system.now() > 1_000_000 {
        // The server's send is in the middle: this end has room for a part of it, and reads nothing.
        peer.reset()
      }
    }
    for _ in 0..<1000 where !told.isOver || loop.remains.connections > 0 { loop.turn() }
    system.playPeers = nil
    #expect(told.ends == 0, "the body was told that the peer had ended its stream, and it had not")
    #expect(told.kinds == [.system(.connectionReset)])
    loop.stopServing()
    #expect(loop.end() == 0)
    #expect(system.violations.isEmpty)
  }
}
