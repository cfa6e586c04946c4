import CLiburing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Bench {
  /// Bytes of a datagram.
  static func payload(_ count: Int) -> [UInt8] { [UInt8](repeating: 7, count: count) }

  /// Receives datagrams, with so much room in front of each.
  func receiveMessages(_ label: String, _ descriptor: Int32, _ buffers: BenchBuffers, name: Int = 32, control: Int = 0)
  {
    let header = unsafe allocate(MemoryLayout<msghdr>.stride).bindMemory(to: msghdr.self, capacity: 1)
    unsafe header.initialize(to: msghdr())
    unsafe header.pointee.msg_namelen = socklen_t(name)
    unsafe header.pointee.msg_controllen = .init(control)
    begin(label, .messages(buffers, name: name, control: control)) {
      unsafe ring.prepareReceiveMessages(descriptor, header: header, group: buffers.group, flags: 0, userData: $0)
    }
  }

  /// Receives one datagram of at most so many bytes into memory of its own.
  func receiveMessage(_ label: String, _ descriptor: Int32, _ count: Int) {
    let header = unsafe self.header(allocate(count), count, to: nil)
    begin(label) { unsafe ring.prepareReceiveMessage(descriptor, header: header, flags: 0, userData: $0) }
  }

  /// Sends a datagram with a header.
  func sendMessage(_ label: String, _ descriptor: Int32, _ count: Int, to address: SocketAddress?, flags: Int32 = 0) {
    let bytes = unsafe allocate(count)
    // As many as were allocated.
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 7, count: count)
    let header = unsafe self.header(bytes, count, to: address)
    begin(label, .send(nil, start: 0, count: count)) {
      unsafe ring.prepareSendVector(descriptor, message: header, flags: flags, userData: $0)
    }
  }

  private func header(
    _ base: UnsafeMutableRawPointer,
    _ count: Int,
    to address: SocketAddress?
  ) -> UnsafeMutablePointer<msghdr> {
    let vector = unsafe allocate(MemoryLayout<iovec>.stride).bindMemory(to: iovec.self, capacity: 1)
    unsafe vector.initialize(to: iovec(iov_base: base, iov_len: count))
    let header = unsafe allocate(MemoryLayout<msghdr>.stride).bindMemory(to: msghdr.self, capacity: 1)
    unsafe header.initialize(to: msghdr())
    unsafe header.pointee.msg_iov = vector
    unsafe header.pointee.msg_iovlen = 1
    if let address {
      let name = unsafe allocate(SocketAddress.kernelFormBytes)
      unsafe header.pointee.msg_name = name
      unsafe header.pointee.msg_namelen = socklen_t(address.writeKernelForm(to: name))
    }
    return unsafe header
  }
}
