/// Who made the other end of a Unix socket: SO_PEERCRED of unix(7).
///
/// On the server's side that is the process that called `connect`, on the client's the one that called `listen`, as they
/// were at that moment. The kernel says so, not the peer. A process may have handed its socket on since then, or have ended,
/// and its number may be another's by now.
public struct PeerCredentials: Hashable, Sendable {
  /// The process; 0 when it is in another process namespace, from where it cannot be seen (pid_namespaces(7)).
  public var processID: Int32
  /// Its effective user.
  public var userID: UInt32
  /// Its effective group.
  public var groupID: UInt32

  /// Credentials with these numbers.
  public init(processID: Int32, userID: UInt32, groupID: UInt32) {
    self.processID = processID
    self.userID = userID
    self.groupID = groupID
  }
}
