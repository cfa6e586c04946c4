import IOBuffers

@testable import URingBackend

extension BufferArena {
  /// A view of a fresh buffer with these bytes.
  func message(_ bytes: [UInt8]) throws -> ReadView {
    try allocate(minimumCapacity: bytes.count).filled(with: bytes)
  }
}

extension PooledBuffer {
  /// The buffer with these bytes, ready to be sent.
  consuming func filled(with bytes: [UInt8]) throws -> ReadView {
    var buffer = self
    try buffer.append(contentsOf: bytes)
    return try buffer.finish()
  }
}

extension ReadView {
  /// A copy of the bytes.
  borrowing func copied() -> [UInt8] {
    withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
  }
}

extension TCPConnection {
  /// Copies of the next `count` bytes; fewer only at the end of the stream. Takes whole views.
  func receive(exactly count: Int) async throws -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count, let view = try await receive() { result += view.copied() }
    return result
  }
}

extension EventLoop {
  /// Whether a connect is under way.
  func isConnecting() async -> Bool {
    await onLoop { $0.streams?.connecting.isEmpty == false }
  }

  /// Runs `body` on the loop's thread.
  func onLoop<R: Sendable>(_ body: @escaping @Sendable (EventLoop) -> R) async -> R {
    await withCheckedContinuation { continuation in
      execute { continuation.resume(returning: body(self)) }
    }
  }
}

/// A copy of the bytes of what was read; nil at the end. The macros of the tests take no value that cannot be copied.
func copied(_ bytes: consuming ByteQueue?) -> [UInt8]? {
  bytes?.bytes()
}

/// The same as text.
func text(_ bytes: consuming ByteQueue?) -> String? {
  bytes?.text()
}
