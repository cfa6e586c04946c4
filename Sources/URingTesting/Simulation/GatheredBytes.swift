internal import IOBuffers
internal import URingBackend

/// What one receive into a buffer of its own came to, also if it was cancelled.
struct GatheredBytes: Sendable {
  var bytes: [UInt8]
  /// The peer has ended its stream.
  var isEnd = false

  init(_ count: Int, of connection: TCPConnection) async throws {
    var buffer = try await connection.allocate(minimumCapacity: count)
    do throws(SocketError) {
      isEnd = try await connection.receive(count, into: &buffer) < count
    } catch {
      guard error.kind == .cancelled else { throw error }
    }
    // The kernel holds it no more: locked memory could not be read here.
    let view = try buffer.finish()
    bytes = view.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
  }
}
