public import Sluice

/// A client's connection: reads its commands, and sends the answers to those that came together together.
public struct RESPConnection: ~Copyable {
  /// Where large strings are kept.
  private let arena: BufferArena
  private var reader: ConnectionReader
  private var writer: ConnectionWriter
  private var decoder = RESPDecoder()
  private var encoder = RESPEncoder()

  /// Serves a connection, of which nothing was read.
  ///
  /// - Parameters:
  ///   - connection: the client's.
  ///   - arena: where strings of more than 16 KiB are received into. They stay there, so it is not the connection's, which
  ///     replies wait for.
  public init(_ connection: TCPConnection, arena: BufferArena) {
    self.arena = arena
    reader = connection.reader()
    writer = connection.writer()
  }

  /// The next command: its name, and its arguments. Before there is a wait for it, all that was answered goes out. A command
  /// that there is no memory for is answered here.
  ///
  /// - Returns: nil if the client has ended its stream or the server stops; and if this is not the protocol, of which the
  ///   client has then been told.
  /// - Throws: what ended the connection.
  public mutating func next() async throws -> [RESPString]? {
    do {
      var isFull = false
      while let frame = try await nextFrame() {
        switch frame {
        case .large(let size):
          let value = try await readValue(size)
          isFull = isFull || value == nil
          decoder.append(value ?? RESPString([]))
        case .command(let command):
          if !isFull { return command }
          try await answer(.error(.outOfMemory))
          isFull = false
        }
      }
    } catch let error as FrameError {
      try await answer(.error(RESPError("ERR Protocol error: \(error)")))
      try await flush()
    }
    return nil
  }

  /// Writes an answer, which goes out with the next ones, when ``next()`` has to wait or there is enough.
  ///
  /// - Throws: what ended the connection.
  public mutating func answer(_ reply: RESPReply) async throws {
    try await writer.reserve(reply.byteCount)
    try encoder.encode(reply, into: &writer.output)
    try await writer.flush(ifAtLeast: 64 << 10)
  }

  /// Sends what was answered.
  ///
  /// - Throws: what ended the connection.
  public mutating func flush() async throws { try await writer.flush() }

  private mutating func nextFrame() async throws -> RESPDecoder.Frame? {
    if let frame = try decoder.decode(&reader.bytes) { return frame }
    try await writer.flush()
    guard try await reader.waitForMessage() else { return nil }
    return try await reader.next(&decoder)
  }

  /// A large string, which the kernel writes where it stays; nil, and it is skipped, if there is no memory for it.
  private mutating func readValue(_ size: Int) async throws -> RESPString? {
    try await writer.flush()
    guard var buffer = try? arena.allocate(minimumCapacity: size) else {
      try await reader.skip(size + 2)
      return nil
    }
    try await reader.read(size, into: &buffer)
    guard try await reader.read(exactly: 2).elementsEqual("\r\n") else { throw RESPDecoder.missingEnd }
    return .large(SharedView(try buffer.finish()))
  }
}
