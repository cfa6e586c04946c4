import Synchronization

@testable import URingBackend

/// A host of 127.0.0.0/8.
///
/// A port that was closed is soon somebody else's: a client that still goes there, or wants to be refused there, has to use a
/// host of its own, or it meets the server of another test.
struct LoopbackHost: Sendable {
  private static let count = Atomic<UInt32>(0)

  /// 127.0.0.1, where most tests listen.
  static let shared = LoopbackHost(number: 0x7F00_0001)

  /// In the host's byte order.
  let number: UInt32

  /// A host that no other test of this process has.
  static func ofItsOwn() -> LoopbackHost {
    let index = count.add(1, ordering: .relaxed).oldValue
    return LoopbackHost(number: 0x7F60_0001 + index)
  }

  /// Port 0 leaves the choice to the kernel.
  func address(port: UInt16 = 0) throws -> SocketAddress {
    let octets = [24, 16, 8, 0].map { String(number >> $0 & 0xFF) }
    return try SocketAddress(host: octets.joined(separator: "."), port: port)
  }
}
