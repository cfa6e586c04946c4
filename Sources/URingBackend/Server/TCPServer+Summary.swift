public import IOBuffers

extension TCPServer {
  /// What a server did, from its start to its end.
  public struct Summary: Sendable, CustomStringConvertible {
    /// The loops' figures at the end.
    public var totals: LoopStatistics
    /// Views that were still out when the loops had ended. Known for the server's own loops only, as is the rest.
    public var viewsOut = 0
    /// Slots that had not come home.
    public var slotsLeaked = 0
    /// What each loop's arena reported.
    public var reports: [CloseReport] = []

    init(totals: LoopStatistics) {
      self.totals = totals
    }

    /// One line, as the echo server prints it.
    public var description: String {
      """
      connections \(totals.connectionsOpened), messages \(totals.messages), bytes in \(totals.bytesReceived), \
      bytes out \(totals.bytesSent), bytes copied \(totals.bytesCopied), views out \(viewsOut), slots leaked \(slotsLeaked)
      """
    }
  }
}
