import Glibc
import URingBackend

/// Prints a line of figures at a steady pace until the task is cancelled.
func printStatistics(of server: TCPServer, every interval: Duration) async throws {
  while true {
    try await Task.sleep(for: interval)
    let now = server.statistics
    say(
      """
      connections \(now.connectionsOpen), messages \(now.messages), in \(now.bytesReceived) B, out \(now.bytesSent) B, \
      pool \(now.poolBytes)/\(now.poolLimit) B, slots posted \(now.slotsPosted) locked \(now.slotsLocked) \
      free \(now.slotsFree), growths \(now.growths), starved waits \(now.starvedWaits), \
      held \(now.bytesHeld) B, copied \(now.bytesCopied) B, shortages \(now.pressureEpisodes)
      """
    )
  }
}

/// Prints a line at once, also when the output is a file or a pipe.
func say(_ line: String) {
  print(line)
  fflush(nil)
}
