internal import Glibc
internal import URingBackend

extension SimulatedSystem {
  /// A listener for the program under test: socket(2), bind(2) and listen(2).
  /// - Parameter port: 0 chooses one; `localAddress(of:)` says which.
  package func listen(at port: UInt16, backlog: Int = 128) -> Int32 {
    network.listen(at: .loopback(port: port), backlog: backlog)
  }

  package func accept(_ descriptor: Int32, flags: Int32) -> Int32 {
    begin("accept", descriptor)
    let result = network.accept(descriptor)
    note("accept", descriptor, Int(result))
    return result
  }

  package func prepareListener(_ descriptor: Int32) {}

  package func connect(_ descriptor: Int32, address: UnsafeRawPointer, length: UInt32) -> Int32 {
    begin("connect", descriptor)
    guard let target = unsafe parse(UnsafeRawBufferPointer(start: address, count: Int(length))) else {
      return -EAFNOSUPPORT
    }
    let result = network.connect(descriptor, to: target)
    note("connect", descriptor, Int(result))
    return result
  }

  package func connectResult(_ descriptor: Int32) -> Int32 {
    begin("connect's result", descriptor)
    let result = network.connectResult(descriptor)
    if result < 0, result != -EINPROGRESS { network.forgetConnect(descriptor) }
    note("connect's result", descriptor, Int(result))
    return result
  }

  /// Reads the kernel's form of an address; nil for a family that is not IP.
  private func parse(_ bytes: UnsafeRawBufferPointer) -> SocketAddress? {
    guard bytes.count >= MemoryLayout<sockaddr>.size else { return nil }
    // The caller's structure has so many bytes, which is what is read at most; the family says how they are divided.
    switch unsafe Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
      let form = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
      return SocketAddress(ipv4: UInt32(bigEndian: form.sin_addr.s_addr), port: UInt16(bigEndian: form.sin_port))
    case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
      let port = unsafe bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
      let groups = (0..<8).map { group in
        String(UInt16(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8 + 2 * group, as: UInt16.self)), radix: 16)
      }
      return try? SocketAddress(host: groups.joined(separator: ":"), port: UInt16(bigEndian: port))
    default: return nil
    }
  }
}
