public import IOBuffers

extension TCPServer {
  /// What a server did, from its start to its end.
  public struct Summary: Sendable, CustomStringConvertible {
    /// What `TCPServer.statistics` said at the end: connections are the server's own, all else is what its loops did.
    public var totals: LoopStatistics
    /// Whether the loops were a group that was given to the server: `totals` then counts what others did there, too,
    /// except in the number of connections.
    public var sharesLoops = false
    /// Views that were still out when the loops had ended. Known for the server's own loops only, as is the rest.
    public var viewsOut = 0
    /// Slots that had not come home.
    public var slotsLeaked = 0
    /// What each loop's arena reported.
    public var reports: [CloseReport] = []

    init(totals: LoopStatistics, sharesLoops: Bool) {
      self.totals = totals
      self.sharesLoops = sharesLoops
    }

    /// One line, as the echo server prints it. Of loops that others may use, too, it says so.
    public var description: String {
      """
      connections \(totals.connectionsOpened), \(sharesLoops ? "on shared loops: " : "")messages \(totals.messages), \
      bytes in \(totals.bytesReceived), bytes out \(totals.bytesSent), bytes copied \(totals.bytesCopied), \
      views out \(viewsOut), slots leaked \(slotsLeaked)
      """
    }
  }
}
