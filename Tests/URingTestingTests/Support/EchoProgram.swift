import Glibc
import URingBackend

@testable import URingTesting

/// An echo server on the bare system calls: what a ring in user space does, without a ring.
final class EchoProgram {
  /// Mistakes that a run must find.
  enum Mistake: Equatable {
    /// Takes every send for a whole one.
    case forgetsShortSends
    /// Does not close what was reset.
    case leaksResets
    /// Closes twice what the peer has ended.
    case closesTwice
  }

  private struct Connection {
    var canReceive = false
    var canSend = false
    var hasEnded = false
    var unsent: [UInt8] = []
  }

  let system: SimulatedSystem
  let listener: Int32
  private let mistake: Mistake?
  private var connections: [Int32: Connection] = [:]
  private var mayAccept = false
  private(set) var turns = 0

  init(_ system: SimulatedSystem, port: UInt16, mistake: Mistake? = nil) {
    self.system = system
    self.mistake = mistake
    listener = system.listen(at: port)
    _ = system.watch(listener, generation: 0)
  }

  /// Waits, and serves what was reported.
  func turn() {
    turns += 1
    let count = system.wait(timeoutNanoseconds: mayAccept ? 1_000_000 : nil)
    for index in 0..<max(0, count) {
      let event = system.event(at: index)
      if event.descriptor == listener {
        mayAccept = true
      } else if var connection = connections[event.descriptor] {
        if !event.readiness.isDisjoint(with: [.input, .inputEnds]) { connection.canReceive = true }
        if event.readiness.contains(.output) { connection.canSend = true }
        connections[event.descriptor] = connection
        serve(event.descriptor)
      }
    }
    acceptAll()
  }

  private func acceptAll() {
    while mayAccept {
      let descriptor = system.accept(listener, flags: 0)
      if descriptor >= 0 {
        connections[descriptor] = Connection()
        _ = system.watch(descriptor, generation: UInt32(turns))
      } else if descriptor == -EAGAIN {
        mayAccept = false
      } else if descriptor != -ECONNABORTED {
        return
      }
    }
  }

  private func serve(_ descriptor: Int32) {
    guard var connection = connections[descriptor] else { return }
    var moves = true
    while moves {
      moves = false
      if connection.canSend, !connection.unsent.isEmpty {
        let bytes = connection.unsent
        let result = unsafe bytes.withUnsafeBytes { bytes in
          guard let base = bytes.baseAddress else { return 0 }
          return unsafe system.send(descriptor, base, bytes.count, flags: 0)
        }
        if result < 0, result != -Int(EAGAIN) { return abandon(descriptor) }
        let sent = mistake == .forgetsShortSends ? bytes.count : max(0, result)
        connection.unsent.removeFirst(sent)
        // Space will be reported: a short send has met a full buffer.
        if result < bytes.count { connection.canSend = false }
        moves = true
      }
      if connection.canReceive, !connection.hasEnded, connection.unsent.count < 500 {
        var bytes = [UInt8](repeating: 0, count: 300)
        let result = unsafe bytes.withUnsafeMutableBytes { bytes in
          guard let base = bytes.baseAddress else { return 0 }
          return unsafe system.receive(descriptor, base, bytes.count)
        }
        if result == -Int(EAGAIN) {
          connection.canReceive = false
        } else if result < 0 {
          return abandon(descriptor)
        } else if result == 0 {
          connection.hasEnded = true
        } else {
          connection.unsent += bytes[..<result]
        }
        moves = true
      }
    }
    connections[descriptor] = connection
    if connection.hasEnded, connection.unsent.isEmpty { finish(descriptor) }
  }

  private func abandon(_ descriptor: Int32) {
    connections[descriptor] = nil
    if mistake != .leaksResets { _ = system.close(descriptor) as Int32 }
  }

  private func finish(_ descriptor: Int32) {
    connections[descriptor] = nil
    _ = system.close(descriptor) as Int32
    if mistake == .closesTwice { _ = system.close(descriptor) as Int32 }
  }
}
