import CLiburing
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct SocketAddressTests {
  static let hosts = [
    "127.0.0.1", "0.0.0.0", "255.255.255.255", "192.0.2.7", "::1", "::", "2001:db8::ff00:42:8329", "fe80::1",
  ]

  @Test(arguments: hosts)
  func anAddressIsPrintedAsItWasWritten(host: String) throws {
    for port in [UInt16(0), 1, 80, 65_535] {
      let address = try SocketAddress(host: host, port: port)
      let isIPv6 = host.contains(":")
      #expect(address.host == host && address.port == port)
      #expect(address.family == (isIPv6 ? .ipv6 : .ipv4))
      #expect(address.description == (isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"))
    }
  }

  @Test func longFormsAreTheSameAddress() throws {
    #expect(try SocketAddress(host: "0:0:0:0:0:0:0:1", port: 5) == SocketAddress(host: "::1", port: 5))
    #expect(try SocketAddress(host: "2001:DB8:0::1", port: 5).host == "2001:db8::1")
    #expect(try SocketAddress(host: "localhost", port: 5) == .loopback(port: 5))
    #expect(SocketAddress(ipv4: 0xC000_0207, port: 5).host == "192.0.2.7")
    #expect(SocketAddress.any(port: 9).description == "0.0.0.0:9")
  }

  static let noHosts = [
    "", " ", "127.0.0.1 ", "127.0.0", "127.0.0.256", "1.2.3.4.5", "example.org", ":::", "12345::", "::g", "[::1]",
    "127.0.0.1:80",
  ]

  @Test(arguments: noHosts)
  func textThatIsNoAddressIsRefused(text: String) {
    #expect(throws: SocketError(.invalidAddress, .address)) { try SocketAddress(host: text, port: 1) }
  }

  @Test(arguments: ["127.0.0.1", "192.0.2.7", "::1", "2001:db8::ff00:42:8329"])
  func theKernelsFormIsReadBackAsTheSameAddress(host: String) throws {
    let address = try SocketAddress(host: host, port: 40_001)
    let (storage, length) = address.kernelForm
    #expect(SocketAddress(storage) == address)
    #expect(Int32(storage.ss_family) == address.domain)
    let isIPv4 = address.family == .ipv4
    #expect(Int(length) == (isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size))
    let bytes = unsafe withUnsafeBytes(of: storage) { unsafe Array($0[2..<4]) }
    // Network byte order.
    #expect(bytes == [0x9C, 0x41])
  }

  @Test func anotherFamilyIsNotAnAddress() {
    var storage = sockaddr_storage()
    storage.ss_family = sa_family_t(AF_NETLINK)
    #expect(SocketAddress(storage) == nil)
  }

  @Test func onlyThePortChanges() throws {
    let address = try SocketAddress(host: "2001:db8::1", port: 1)
    #expect(address.with(port: 2).description == "[2001:db8::1]:2")
    #expect(address.with(port: 2) != address && address.with(port: 1) == address)
    #expect(Set([address, address.with(port: 1), address.with(port: 2)]).count == 2)
  }

  static let errors = [
    (SocketError(.closed, .send), "send: the connection is closed on this side"),
    (SocketError(.timedOut, .connect, peer: .loopback(port: 7)), "connect 127.0.0.1:7: timed out"),
    (
      SocketError(.system(.connectionReset), .receive, peer: .loopback(port: 7)),
      "receive 127.0.0.1:7: Connection reset by peer (errno 104)"
    ),
    (
      SocketError(.system(.permissionDenied), .bind, peer: .loopback(port: 7)),
      "bind 127.0.0.1:7: permission denied; ports below 1024 need CAP_NET_BIND_SERVICE"
    ),
    (SocketError(.invalidAddress, .address), "address: not an IPv4 or IPv6 address"),
  ]

  @Test(arguments: errors)
  func anErrorSaysWhatWasDoneToWhomAndWhy(error: SocketError, text: String) {
    #expect(error.description == text)
  }
}
