import Sluice

/// One member of the room.
enum Member {
  private static let longestName = 32
  private static let longestLine = 1024

  /// Returns when the member has left, or the server stops.
  static func serve(_ connection: TCPConnection, in room: Broadcast) async throws {
    var reader = connection.reader()
    try await connection.send("Your name?\r\n")
    guard try await reader.waitForMessage(),
      let name = try await reader.readLine(limit: longestName, timeout: .seconds(60))?.text(), isPrintable(name)
    else { return }

    room.add(connection)
    tell(room, connection, "* \(name) has come, one of \(room.memberCount)\r\n")
    // Also when it is given up, or resets.
    defer {
      room.remove(connection)
      tell(room, connection, "* \(name) has left\r\n")
    }
    do {
      while try await reader.waitForMessage() {
        guard let line = try await reader.readLine(limit: longestLine, timeout: .seconds(60)) else { return }
        var message = OutputBytes(arena: connection.arena)
        try message.append(name)
        try message.append(": ")
        message.append(line)
        try message.append("\r\n")
        room.send(message.finish(), except: connection.id)
      }
      try await connection.send("* good-bye\r\n")
    } catch ReadError.tooLong {
      try await connection.send("* lines have at most \(longestLine) bytes\r\n")
    }
  }

  /// Tells all of them; nobody, if there is no memory for it.
  private static func tell(_ room: Broadcast, _ connection: TCPConnection, _ text: String) {
    var message = OutputBytes(arena: connection.arena)
    if (try? message.append(text)) != nil { room.send(message.finish()) }
  }

  /// A name is shown to all: nothing in it that moves their cursors.
  private static func isPrintable(_ name: String) -> Bool {
    !name.isEmpty && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }
}
