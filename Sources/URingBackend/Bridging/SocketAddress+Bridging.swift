@_spi(Bridging)
extension SocketAddress {
  /// Reads a `sockaddr` of which just these bytes count: the length says where an abstract name ends.
  ///
  /// - Returns: nil when they are no address of a known family.
  public init?(sockaddr bytes: UnsafeRawBufferPointer) {
    // As many bytes as the buffer says that there are.
    guard let base = bytes.baseAddress else { return nil }
    unsafe self.init(kernelForm: base, count: bytes.count)
  }

  /// Lends the address as a `sockaddr`, as long as system calls are to be told that it is.
  public func withSockaddr<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let form = kernelForm
    return try unsafe withUnsafeBytes(of: form.storage) {
      try unsafe body(UnsafeRawBufferPointer(rebasing: $0[..<Int(form.length)]))
    }
  }
}
