import Glibc

/// The time as HTTP has it (RFC 9110, 5.6.7), written once a second.
public struct HTTPDate: Sendable {
  private var text: [UInt8] = []
  private var second = 0

  /// No time yet.
  public init() {}

  /// The time now, in ASCII.
  public mutating func current() -> [UInt8] {
    let now = time(nil)
    if now != second { (second, text) = (now, HTTPDate.text(now)) }
    return text
  }

  /// The text for a time.
  ///
  /// - Parameter second: counted from the beginning of 1970.
  public static func text(_ second: Int) -> [UInt8] {
    var (second, parts) = unsafe (second, tm())
    // Sound: the calls use the memory of these variables until they return, and write no more than they are told.
    return unsafe [UInt8](unsafeUninitializedCapacity: 64) { bytes, count in
      unsafe gmtime_r(&second, &parts)
      unsafe bytes.withMemoryRebound(to: CChar.self) { text in
        count = unsafe strftime(text.baseAddress, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
      }
    }
  }
}
