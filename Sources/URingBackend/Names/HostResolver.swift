/// Finds the addresses of a host by its name.
///
/// ``SystemResolver`` asks the system, and is what connecting uses by default. Tests, and programs with a directory of their
/// own, pass another one.
public protocol HostResolver: Sendable {
  /// The addresses of a host, the one to be tried first in front.
  ///
  /// Called in a task of its own. The task is cancelled when nobody waits for the answer any more; an answer that comes
  /// all the same is dropped.
  ///
  /// - Throws: why there are none. The error is part of the ``HostConnectError`` that the caller gets, as a text.
  func addresses(of host: String, port: UInt16) async throws -> [SocketAddress]
}
