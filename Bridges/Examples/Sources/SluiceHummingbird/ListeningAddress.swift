/// Where an application on the ring listens. Hummingbird's own `BindAddress` keeps to itself what is in it.
public enum ListeningAddress: Sendable, Equatable {
  /// The first address of a host, and a port; 0: one that the kernel chooses.
  case hostname(String, port: Int)
  /// A Unix socket, with a path of 103 bytes at most. One that is there is replaced.
  case unixDomainSocket(path: String)
}
