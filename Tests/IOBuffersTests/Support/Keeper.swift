import IOBuffers
import Testing

/// One owner in a place that an array can hold. Not shared between threads.
final class Keeper {
  private var owner: PooledBuffer?

  init(_ owner: consuming PooledBuffer) {
    self.owner = consume owner
  }

  /// The owner is gone.
  func drop() {
    owner = nil
  }

  func readView() throws(BufferError) -> ReadView? {
    try owner?.readView()
  }

  func readView(of range: Range<Int>) throws(BufferError) -> ReadView? {
    try owner?.readView(of: range)
  }

  /// Why nobody may write, nil if somebody may.
  func refusal() -> LockReport? {
    failure { try owner?.writeView() }?.report
  }

  /// A reader that another task or thread may release.
  func lockedView() throws(BufferError) -> Locker<ReadView>? {
    guard let view = try readView() else { return nil }
    return Locker(view)
  }

  /// Where the bytes are.
  func address() throws(BufferError) -> UInt? {
    try readView()?.address
  }

  func array() throws(BufferError) -> [UInt8]? {
    try readView()?.array()
  }

  func fill(_ byte: UInt8, count: Int) throws(BufferError) {
    try owner?.resize(to: count)
    guard var view = try owner?.writeView() else { return }
    for offset in 0..<count { view[offset] = byte }
  }
}

extension ReadView {
  /// Where the bytes are, as a number.
  var address: UInt {
    withBytes { span in
      unsafe span.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }
  }
}
