import Sluice

/// Prints a line of figures at a steady pace, until the task is cancelled or nobody reads them any more.
func printStatistics(of server: TCPServer, every interval: Duration) async throws {
  while true {
    try await Task.sleep(for: interval)
    let now = server.statistics
    let isRead = say(
      """
      connections \(now.connectionsOpen), messages \(now.messages), in \(now.bytesReceived) B, out \(now.bytesSent) B, \
      pool \(now.poolBytes)/\(now.poolLimit) B, slots posted \(now.slotsPosted) locked \(now.slotsLocked) \
      free \(now.slotsFree), growths \(now.growths), starved waits \(now.starvedWaits), \
      held \(now.bytesHeld) B, copied \(now.bytesCopied) B, shortages \(now.pressureEpisodes)
      """
    )
    guard isRead else { return }
  }
}
