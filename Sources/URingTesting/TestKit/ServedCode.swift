/// What became of the code of servers.
final class ServedCode: @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop, on which bodies run and errors are told.
  private(set) var errors: [any Error] = []
  /// Bodies that have not returned.
  private(set) var running = 0

  func begin() { running += 1 }
  func end() { running -= 1 }
  func threw(_ error: any Error) { errors.append(error) }
}
