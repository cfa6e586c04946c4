/// A view that is out, as diagnostics recorded it: who took it, where, and how long ago.
public struct Holder: Sendable, Equatable {
  /// How a view holds its bytes.
  public enum Mode: Sendable, Equatable {
    /// Shared: many may read at a time.
    case read
    /// Exclusive: nobody else looks at these bytes.
    case write
  }

  /// Whether the view reads or writes.
  public let mode: Mode
  /// The file (module/file) that took the view, or `kernel` for a view that stands for a kernel operation.
  public let file: String
  /// The line that took the view.
  public let line: UInt
  /// How long ago the view was taken.
  public let age: Duration
  /// How many bytes the view covers: its present ``ReadView/count``, after it was split, narrowed or frozen. For a kernel
  /// that receives into a slot, the whole slot, whatever part of it is filled already.
  public let bytes: Int

  /// Creates a record.
  ///
  /// - Parameters:
  ///   - mode: whether the view reads or writes.
  ///   - file: the file that took it.
  ///   - line: the line that took it.
  ///   - age: how long ago.
  ///   - bytes: how many bytes it covers.
  public init(mode: Mode, file: String, line: UInt, age: Duration, bytes: Int) {
    self.mode = mode
    self.file = file
    self.line = line
    self.age = age
    self.bytes = bytes
  }
}

extension Holder: CustomStringConvertible {
  /// The record in a few words.
  public var description: String {
    "\(mode == .read ? "read" : "write") view of \(bytes) bytes taken at \(file):\(line), \(age) ago"
  }
}
