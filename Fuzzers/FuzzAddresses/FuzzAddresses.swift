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

/// libFuzzer's own loop. Its library brings a `main` as well, which is left out because there is one.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@main
enum FuzzAddresses {
  static func main() {
    var count = CommandLine.argc
    var arguments = unsafe CommandLine.unsafeArgv
    // Both outlive the call, which is the whole program.
    _ = unsafe runFuzzer(&count, &arguments) { bytes, count in unsafe fuzzAddresses(bytes, count) }
  }
}
