public import Sluice

/// A string as RESP2 has them: any bytes. What is short is kept in place, so that no command needs memory for its name and its
/// key; what is longer has an array, and what was received into memory of its own stays there. They are equal if their
/// bytes are, however they are kept.
public enum RESPString: Hashable, Sendable {
  /// So many bytes of those in place.
  case short(InlineArray<22, UInt8>, UInt8)
  /// Copied out of the memory that the bytes were received into, which would be pinned otherwise.
  case copy([UInt8])
  /// In memory of its own, and sent from there.
  case large(SharedView)

  /// A copy of the bytes.
  public init(_ bytes: some Collection<UInt8>) {
    var short = InlineArray<22, UInt8>(repeating: 0)
    guard bytes.count <= short.count else {
      self = .copy(Array(bytes))
      return
    }
    for (place, byte) in zip(short.indices, bytes) { short[place] = byte }
    self = .short(short, UInt8(bytes.count))
  }

  /// A copy of a range of the bytes, which must be in the queue.
  init(_ bytes: borrowing ByteQueue, in range: Range<Int>) {
    var short = InlineArray<22, UInt8>(repeating: 0)
    guard range.count <= short.count else {
      self = .copy(bytes.bytes(in: range))
      return
    }
    var span = short.mutableSpan
    // Sound: any bytes are bytes. What follows them may be copied, too, and does not count.
    var target = unsafe span.mutableBytes
    bytes.copyBytes(to: &target, from: range.lowerBound)
    self = .short(short, UInt8(range.count))
  }

  /// How many bytes there are.
  public var count: Int {
    switch self {
    case .short(_, let count): Int(count)
    case .copy(let bytes): bytes.count
    case .large(let view): view.count
    }
  }

  /// Calls `body` with the bytes, which cannot escape it.
  public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    // Sound: bytes have no padding between them.
    switch self {
    case .short(let bytes, let count): try unsafe body(bytes.span.bytes.extracting(first: Int(count)))
    case .copy(let bytes): try unsafe body(bytes.span.bytes)
    case .large(let view): try view.withBytes(body)
    }
  }

  /// A copy of the bytes.
  public var bytes: [UInt8] { withBytes { Array(copying: $0) } }

  /// The bytes as the name of a command or an option, in capitals; empty if they are more than any name has.
  public var word: String { count <= 16 ? withBytes { $0.text()?.uppercased() } ?? "" : "" }

  /// The number that the bytes are the digits of, with a sign or without.
  ///
  /// - Throws: `.noInteger`, also for a number that does not fit.
  public var integer: Int {
    get throws(RESPError) {
      guard count <= 20, let number = withBytes({ $0.text().flatMap { Int($0) } }) else { throw .noInteger }
      return number
    }
  }

  /// So many units, but at least one of them, and not more than ten thousand years.
  ///
  /// - Throws: `.noInteger`, `.invalidTime`.
  public func time(_ unit: Duration) throws(RESPError) -> Duration {
    let number = try integer
    guard number > 0, number < 1 << 38 else { throw .invalidTime }
    return unit * number
  }

  /// Whether the bytes are the same.
  public static func == (left: RESPString, right: RESPString) -> Bool {
    left.withBytes { bytes in right.withBytes { bytes.elementsEqual($0) } }
  }

  /// Takes the bytes into a hash.
  public func hash(into hasher: inout Hasher) {
    // All at once, which costs less than one after the other; they are read during the call.
    withBytes { unsafe $0.withUnsafeBytes { unsafe hasher.combine(bytes: $0) } }
  }
}
