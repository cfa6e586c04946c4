/// What a Unix socket is called: unix(7).
///
/// An object, so that an address of the internet carries one word for it, and copying such an address touches nothing.
/// Addresses are copied where connections and errors are made, never once per message.
final class UnixName: Sendable {
  /// Where the name lives.
  enum Space: Hashable, Sendable {
    /// In the file system: `bytes` are a path.
    case file
    /// In the network namespace, beside the file system. `bytes` may be any, also NUL, and do not include the NUL in front.
    case abstract
    /// Nowhere: a socket that was never bound, such as most clients. There are no `bytes`.
    case none
  }

  /// What `sun_path` has room for, with the NUL behind a path or in front of an abstract name.
  static let mostBytes = 107

  /// Of all sockets without a name: accepted connections have one each, and it is always the same.
  static let nowhere = UnixName(.none)

  let space: Space
  let bytes: [UInt8]

  init(_ space: Space, _ bytes: [UInt8] = []) {
    self.space = space
    self.bytes = bytes
  }

  /// As people read it: the path, or `@` and the abstract name. Bytes that would not show as themselves are `\xNN`.
  var text: String {
    switch space {
    case .file: UnixName.text(of: bytes)
    case .abstract: "@" + UnixName.text(of: bytes)
    case .none: ""
    }
  }

  private static func text(of bytes: [UInt8]) -> String {
    let isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    if isPlain, let text = String(validating: bytes, as: UTF8.self) { return text }
    let digits = Array("0123456789abcdef")
    return bytes.reduce(into: "") { text, byte in
      if (0x20..<0x7F).contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
  }
}

extension UnixName: Hashable {
  static func == (left: UnixName, right: UnixName) -> Bool {
    left === right || left.space == right.space && left.bytes == right.bytes
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(space)
    hasher.combine(bytes)
  }
}
