extension TCPServer {
  /// What a server that serves is asked about.
  struct Running: Sendable {
    let loops: [EventLoop]
    /// What the loops had done by then; all zero for loops of the server's own.
    let before: LoopStatistics
    let connections: ServedConnections

    var statistics: LoopStatistics {
      var result = LoopStatistics(of: loops).since(before)
      (result.connectionsOpened, result.connectionsClosed) = connections.figures
      return result
    }
  }
}
