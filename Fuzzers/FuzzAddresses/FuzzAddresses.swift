import FuzzLoop
import URingBackend

/// Any text as a host: it is an address, or refused. What an address says of itself is that address again.
private func fuzzAddresses(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 2 else { return 0 }
  // The fuzzer's memory, there for as long as the call.
  let port = unsafe UInt16(bytes[0]) << 8 | UInt16(bytes[1])
  let text = unsafe String(decoding: UnsafeBufferPointer(start: bytes + 2, count: count - 2), as: UTF8.self)
  guard let address = try? SocketAddress(host: text, port: port) else { return 0 }
  precondition(address.port == port)
  let again = try? SocketAddress(host: address.host, port: address.port)
  precondition(again == address, "\(text): \(address) reads as \(String(describing: again))")
  return 0
}

@main
enum FuzzAddresses {
  static func main() {
    unsafe fuzz { bytes, count in unsafe fuzzAddresses(bytes, count) }
  }
}
