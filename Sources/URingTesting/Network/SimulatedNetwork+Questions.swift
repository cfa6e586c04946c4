internal import Glibc
package import URingBackend

/// What can be asked about a socket.
extension SimulatedNetwork {
  /// Takes sk_err.
  mutating func takeError(_ side: Int) -> Int32 {
    defer { sides[side].error = 0 }
    return sides[side].error
  }

  private func side(_ descriptor: Int32) -> Int? {
    guard let entry = entry(descriptor), table[entry].kind == .stream else { return nil }
    return table[entry].index
  }

  /// Whether a descriptor is open.
  package func isOpen(_ descriptor: Int32) -> Bool { entry(descriptor) != nil }

  /// SO_ERROR: a positive errno value, which is taken, or 0.
  package mutating func takeError(of descriptor: Int32) -> Int32 { side(descriptor).map { takeError($0) } ?? 0 }

  /// FIONREAD: bytes that have arrived.
  package func bytesAvailable(_ descriptor: Int32) -> Int { side(descriptor).map { sides[$0].available } ?? 0 }

  /// SIOCOUTQ. A reset leaves it as it was (verified).
  package func unacknowledgedBytes(_ descriptor: Int32) -> Int {
    side(descriptor).map { sides[$0].unacknowledged } ?? 0
  }

  /// tcpi_bytes_acked.
  package func acknowledgedBytes(_ descriptor: Int32) -> UInt64? { side(descriptor).map { sides[$0].acknowledged } }

  /// getsockname(2).
  package func localAddress(_ descriptor: Int32) -> SocketAddress? {
    guard let entry = entry(descriptor) else { return nil }
    if table[entry].kind == .listener { return listeners[table[entry].index].address }
    // Verified: a socket that was never connected is at 0.0.0.0:0.
    return sides[table[entry].index].local ?? .any(port: 0)
  }

  /// getpeername(2). A socket in TCP_CLOSE or TCP_SYN_SENT has no peer (verified).
  package func peerAddress(_ descriptor: Int32) -> SocketAddress? {
    side(descriptor).flatMap { sides[$0].state == .established ? sides[$0].remote : nil }
  }

  /// What a trace calls a side.
  func name(_ side: Int) -> String {
    sides[side].descriptor >= 0 ? "fd=\(sides[side].descriptor)" : "side \(side)"
  }

  /// Notes what came to an accepting end.
  mutating func note(_ side: Int, _ change: (inout StreamFate) -> Void) {
    guard side & 1 == 1, let port = sides[side].remote?.port else { return }
    change(&fates[port, default: StreamFate(lastArrival: clock)])
  }
}
