public import SystemPackage

/// What went wrong with a socket: which operation, what the kernel said, and who stood on the other side.
public struct SocketError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The class of a failure.
  public enum Kind: Hashable, Sendable {
    /// The kernel refused or broke off the operation with this error.
    case system(Errno)
    /// The connection is closed, or its output is (after `closeOutput()`), on this side.
    case closed
    /// The task was cancelled. Nothing that was received is lost; nothing that was queued is taken back.
    case cancelled
    /// The time that was given ran out.
    case timedOut
    /// Neither side sent anything for the configured idle time.
    case idle
    /// The server or loop is shutting down.
    case shuttingDown
    /// User code kept views of this connection for too long while others waited for memory.
    case holdsMemory
    /// Another task already waits in `receive` on this connection; a stream has one reader.
    case busy
    /// A file came to its end before all of it that was to be sent: it was truncated meanwhile.
    case fileEnded
    /// The text is not an address.
    case invalidAddress
    /// What follows the `%` of an address names no interface, or the address is not a link-local one, which alone belong
    /// to one.
    case invalidScope
    /// The name of a Unix socket is empty, too long, or a path with a NUL in it.
    case invalidUnixName
  }

  /// What was being done.
  public enum Operation: String, Hashable, Sendable {
    /// Parsing an address.
    case address
    /// socket(2).
    case socket
    /// setsockopt(2).
    case option = "set option on"
    /// bind(2).
    case bind
    /// listen(2).
    case listen
    /// accept(2).
    case accept
    /// connect(2).
    case connect
    /// recv(2).
    case receive
    /// send(2).
    case send
    /// close(2).
    case close
    /// Getting memory for a connection.
    case allocate = "allocate a buffer for"
  }

  /// The class of this failure.
  public let kind: Kind
  /// What was being done.
  public let operation: Operation
  /// The address on the other side, or the one to bind, where known.
  public let peer: SocketAddress?

  /// A failure of `operation`, with the address it concerned.
  public init(_ kind: Kind, _ operation: Operation, peer: SocketAddress? = nil) {
    self.kind = kind
    self.operation = operation
    self.peer = peer
  }

  /// The kernel's error number, where the kernel was the one to refuse.
  public var errno: Errno? {
    if case .system(let errno) = kind { errno } else { nil }
  }

  /// What happened and what to do about it.
  public var description: String {
    let what = peer.map { "\(operation.rawValue) \($0)" } ?? operation.rawValue
    return "\(what): \(reason)"
  }

  private var reason: String {
    switch kind {
    case .system(let errno) where peer?.family == .unix: unixReason(errno)
    case .system(.addressInUse):
      "the port is in use; stop the program that holds it, or choose another port (0 lets the kernel choose)"
    case .system(.permissionDenied) where operation == .bind:
      "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE"
    case .system(.tooManyOpenFiles):
      "too many open files in this process; raise `ulimit -n` or lower the connection limit"
    case .system(.invalidArgument) where (operation == .bind || operation == .connect) && lacksScope:
      "a link-local address needs its interface, such as fe80::1%eth0"
    case .system(.noSuchFileOrDirectory) where operation == .option:
      "no such congestion control; net.ipv4.tcp_available_congestion_control lists those there are"
    case .system(let errno): "\(errno.description) (errno \(errno.rawValue))"
    case .closed: "the connection is closed on this side"
    case .cancelled: "the task was cancelled"
    case .timedOut: "timed out"
    case .idle: "no byte moved for the idle time; raise the idle timeout if that is expected"
    case .shuttingDown: "the server is shutting down"
    case .holdsMemory:
      "views of this connection were kept while others waited for memory; release them sooner, or raise poolBytes"
    case .fileEnded: "the file was truncated while it was sent"
    case .busy: "another task already waits for bytes of this connection"
    case .invalidUnixName:
      "the name of a Unix socket has 1 to \(UnixName.mostBytes) bytes, and a path has no NUL"
    case .invalidAddress: "not an IPv4 or IPv6 address"
    case .invalidScope:
      "what follows '%' must be the name or number of an interface, and only link-local IPv6 addresses have one"
    }
  }

  /// What the kernel says of a Unix socket: unix(7).
  private func unixReason(_ errno: Errno) -> String {
    let isBound = operation == .bind
    switch errno {
    case .addressInUse where peer?.abstractName != nil:
      return "the name is in use; stop the program that holds it, or choose another name"
    case .addressInUse:
      return
        "in use: a program listens there, or the file is no socket that a program left behind; remove it, or choose "
        + "another path"
    case .noSuchFileOrDirectory where isBound: return "no such directory; make it first"
    case .permissionDenied where isBound:
      return "permission denied; the directory must be one that this user may write to"
    case .noSuchFileOrDirectory where operation == .connect: return "no such socket; does the server run?"
    case .permissionDenied where operation == .connect:
      return
        "permission denied; connecting takes the right to write to the socket's file, and to search its directories"
    case .connectionRefused: return "connection refused; nobody listens there"
    case .tooManyOpenFiles:
      return "too many open files in this process; raise `ulimit -n` or lower the connection limit"
    default: return "\(errno.description) (errno \(errno.rawValue))"
    }
  }

  private var lacksScope: Bool { peer.map { $0.isLinkLocal && $0.scope == 0 } ?? false }
}
