import Glibc

/// Two real TCP sockets that are connected over 127.0.0.1, with the calls of a simulated pair.
final class LoopbackPair {
  private(set) var ends: [Int32]

  init?() {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    ends = [client, -1]
    defer { _ = Glibc.close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // An IPv4 address is what the family says, and `length` is its size.
    let isConnected = unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(listener, address, length) == 0 && Glibc.listen(listener, 1) == 0
          && getsockname(listener, address, &length) == 0 && connect(client, address, length) == 0
      }
    }
    guard isConnected else { return nil }
    ends[1] = accept(listener, nil, nil)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
  }

  deinit {
    for end in ends where end >= 0 { _ = Glibc.close(end) }
  }

  func isOpen(_ end: Int) -> Bool { ends[end] >= 0 }

  private func outcome(_ result: Int) -> Int { result < 0 ? -Int(errno) : result }

  func send(_ end: Int, _ count: Int) -> Int {
    let bytes = [UInt8](repeating: 0x78, count: count)
    return unsafe outcome(Glibc.send(ends[end], bytes, count, Int32(MSG_NOSIGNAL)))
  }

  func receive(_ end: Int, _ limit: Int, peeks: Bool = false) -> Int {
    var bytes = [UInt8](repeating: 0, count: limit)
    return unsafe outcome(recv(ends[end], &bytes, limit, peeks ? Int32(MSG_PEEK) : 0))
  }

  func shutdown(_ end: Int, _ how: Int32) -> Int { outcome(Int(Glibc.shutdown(ends[end], how))) }

  func takeError(_ end: Int) -> Int {
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe getsockopt(ends[end], SOL_SOCKET, SO_ERROR, &error, &length)
    return Int(error)
  }

  func hasPeer(_ end: Int) -> Bool {
    var address = sockaddr()
    var length = socklen_t(MemoryLayout<sockaddr>.size)
    return unsafe getpeername(ends[end], &address, &length) == 0
  }

  func available(_ end: Int) -> Int {
    var count: Int32 = 0
    return unsafe ioctl(ends[end], UInt(FIONREAD), &count) == 0 ? Int(count) : -1
  }

  func mask(_ end: Int) -> PollMask {
    var request = pollfd(fd: ends[end], events: Int16(PollMask.asked.rawValue), revents: 0)
    _ = unsafe poll(&request, 1, 0)
    return PollMask(rawValue: UInt32(UInt16(bitPattern: request.revents)))
  }

  func resetOnClose(_ end: Int) {
    var option = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(ends[end], SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  func close(_ end: Int) {
    _ = Glibc.close(ends[end])
    ends[end] = -1
  }
}
