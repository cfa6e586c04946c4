/// One operation that Python's buffer protocol and this package both have, in the words of `oracle.py`.
enum OracleOperation: Sendable, Hashable {
  case new([UInt8])
  case read(String, Range<Int>)
  case write(String, Range<Int>)
  case share(String, of: String)
  case slice(String, of: String, Range<Int>)
  case split(String, from: String, at: Int)
  case narrow(String, Range<Int>)
  case freeze(String)
  case release(String)
  case resize(Int)
  case append([UInt8])
  case appendInteger(OracleInteger)
  case appendText(String)
  case clear
  case drop
  case finish(String)
  case size
  case content
  case count(String)
  case bytes(String)
  case byte(String, Int)
  case load(String, Int, OracleInteger)
  case store(String, Int, OracleInteger)
  case find(String, [UInt8])
  case index(String, UInt8, from: Int)
  case starts(String, [UInt8])
  case equal(String, String)
  case text(String)

  /// The line that the oracle reads.
  var line: String {
    switch self {
    case .new(let bytes): "new \(hex(bytes))"
    case .read(let name, let range): "read \(name) \(range.lowerBound) \(range.upperBound)"
    case .write(let name, let range): "write \(name) \(range.lowerBound) \(range.upperBound)"
    case .share(let name, let source): "share \(name) \(source)"
    case .slice(let name, let source, let range): "slice \(name) \(source) \(range.lowerBound) \(range.upperBound)"
    case .split(let name, let source, let offset): "split \(name) \(source) \(offset)"
    case .narrow(let name, let range): "narrow \(name) \(range.lowerBound) \(range.upperBound)"
    case .freeze(let name): "freeze \(name)"
    case .release(let name): "release \(name)"
    case .resize(let count): "resize \(count)"
    case .append(let bytes): "append \(hex(bytes))"
    case .appendInteger(let integer): "appendint \(integer)"
    case .appendText(let text): "appendtext \(hex(Array(text.utf8)))"
    case .clear: "clear"
    case .drop: "drop"
    case .finish(let name): "finish \(name)"
    case .size: "size"
    case .content: "content"
    case .count(let name): "count \(name)"
    case .bytes(let name): "bytes \(name)"
    case .byte(let name, let offset): "byte \(name) \(offset)"
    case .load(let name, let offset, let integer): "load \(name) \(offset) \(integer.type)"
    case .store(let name, let offset, let integer): "store \(name) \(offset) \(integer)"
    case .find(let name, let needle): "find \(name) \(hex(needle))"
    case .index(let name, let byte, let start): "index \(name) \(byte) \(start)"
    case .starts(let name, let prefix): "starts \(name) \(hex(prefix))"
    case .equal(let name, let other): "equal \(name) \(other)"
    case .text(let name): "text \(name)"
    }
  }
}

/// Hexadecimal; "-" for no bytes at all.
func hex(_ bytes: [UInt8]) -> String {
  bytes.isEmpty ? "-" : hexDigits(bytes)
}

/// Hexadecimal as `bytes.hex()` prints it.
func hexDigits(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(2 * bytes.count)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
