import IOBuffers

/// One view of either mode, in a place that an array can hold. Not shared between threads.
///
/// An operation that does not fit the mode answers nil or false and does nothing.
final class ViewBox {
  private var reader: ReadView?
  private var writer: WriteView?

  init(_ reader: consuming ReadView) {
    self.reader = consume reader
  }

  init(_ writer: consuming WriteView) {
    self.writer = consume writer
  }

  var mode: LockModel.Mode? {
    reader != nil ? .reader : writer != nil ? .writer : nil
  }

  var count: Int { reader?.count ?? writer?.count ?? 0 }

  /// Where the bytes are.
  var address: UInt? {
    withBytes { span in unsafe span.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
  }

  func share() throws(BufferError) -> ViewBox? {
    try reader.modify { (view) throws(BufferError) in ViewBox(try view.share()) }
  }

  func slice(_ range: Range<Int>) throws(BufferError) -> ViewBox? {
    try reader.modify { (view) throws(BufferError) in ViewBox(try view.slice(range)) }
  }

  /// Keeps the prefix.
  func split(at offset: Int) throws(BufferError) -> ViewBox? {
    if mode == .writer {
      return try writer.modify { (view) throws(BufferError) in ViewBox(try view.split(at: offset)) }
    }
    return try reader.modify { (view) throws(BufferError) in ViewBox(try view.split(at: offset)) }
  }

  func freeze() -> Bool {
    guard let view = writer.take() else { return false }
    reader = view.freeze()
    return true
  }

  func withReader<Result>(_ body: (inout ReadView) throws(BufferError) -> Result) throws(BufferError) -> Result? {
    try reader.modify(body)
  }

  func withWriter<Result>(_ body: (inout WriteView) throws(BufferError) -> Result) throws(BufferError) -> Result? {
    try writer.modify(body)
  }

  func store(_ byte: UInt8, at offset: Int) throws(BufferError) -> Bool {
    try withWriter { (view) throws(BufferError) in
      try view.store(byte, at: offset)
      return true
    } ?? false
  }

  /// Writes one byte everywhere. False when the view is no writer.
  func fill(_ byte: UInt8) -> Bool {
    writer.modify { (view) -> Void in
      var span = unsafe view.unsafeMutableBytes
      PlainAccess.fill(&span, byte)
    } != nil
  }

  /// Gives the lock back by the named function; `deinit` is the other way.
  func release() {
    reader.take()?.release()
    writer.take()?.release()
  }

  func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result? {
    if reader != nil { return reader?.withBytes(body) }
    return writer?.withBytes(body)
  }

  func array() -> [UInt8] {
    withBytes { $0.array } ?? []
  }

  func holds(_ bytes: ArraySlice<UInt8>) -> Bool {
    withBytes { span in
      unsafe span.withUnsafeBytes { unsafe $0.elementsEqual(bytes) }
    } ?? false
  }
}
