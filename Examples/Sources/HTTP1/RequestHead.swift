/// How long the body of a message is.
public enum BodyLength: Equatable, Sendable {
  /// So many bytes.
  case bytes(Int)
  /// It comes in chunks, which say where it ends.
  case chunked
}

/// What a client asks for, and how its connection goes on.
public struct RequestHead: Equatable, Sendable {
  /// The method, in the letters in which it came.
  public var method = ""
  /// The path, still encoded, without a query; or `*`.
  public var path = ""
  /// Whether the client speaks HTTP/1.1, and so knows of chunks.
  public var isVersion11 = true
  /// The body that follows.
  public var body = BodyLength.bytes(0)
  /// Whether the client may send another request behind this one.
  public var keepsAlive = true
  /// Whether the client waits for `100 Continue` before it sends the body.
  public var expectsContinue = false
  /// The field Range.
  public var range: String?
  /// The field If-Range.
  public var ifRange: String?
  /// The field If-None-Match.
  public var ifNoneMatch: String?

  /// A request for nothing.
  public init() {}

  /// The path without the %XX; nil unless they stand for UTF-8.
  public var decodedPath: String? {
    var bytes: [UInt8] = []
    var rest = path.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, rest.first != UInt8(ascii: "+"), let value = UInt8(Substring(rest.prefix(2)), radix: 16)
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
