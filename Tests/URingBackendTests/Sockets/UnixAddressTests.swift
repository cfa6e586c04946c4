import CLiburing
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Names of Unix sockets, as values: unix(7).
struct UnixAddressTests {
  private static func there(_ address: SocketAddress) -> SocketAddress? {
    let form = address.kernelForm
    return SocketAddress(form.storage, length: form.length)
  }

  @Test(arguments: ["/run/a.sock", "a", String(repeating: "x", count: 107), "ä/ö"])
  func aPathGoesThroughTheKernelsForm(path: String) throws {
    let address = try SocketAddress.unix(path: path)
    #expect(address.family == .unix && address.path == path && address.abstractName == nil && address.port == 0)
    #expect(address.description == "unix:\(path)" && address.host == path)
    // The family, the path, its NUL.
    #expect(address.kernelForm.length == 2 + path.utf8.count + 1)
    #expect(Self.there(address) == address)
    #expect(address.with(port: 7) == address && address.unmapped == address)
  }

  @Test(arguments: ["name", "a\0b", "\0", String(repeating: "y", count: 107), "/run/a.sock"])
  func anAbstractNameGoesThroughTheKernelsForm(name: String) throws {
    let address = try SocketAddress.unix(abstract: name)
    #expect(address.family == .unix && address.abstractName == name && address.path == nil)
    // The family, a NUL, the name.
    #expect(address.kernelForm.length == 2 + 1 + name.utf8.count)
    #expect(Self.there(address) == address)
    if name != "\0" && name != "a\0b" { #expect(address.description == "unix:@\(name)") }
  }

  @Test func namesThatTheKernelHasNoRoomForAreRefused() {
    let error = SocketError(.invalidUnixName, .address)
    for path in ["", String(repeating: "x", count: 108), "a\0b", "\0"] {
      #expect(throws: error) { try SocketAddress.unix(path: path) }
    }
    for name in ["", String(repeating: "x", count: 108)] {
      #expect(throws: error) { try SocketAddress.unix(abstract: name) }
    }
    #expect(error.description.contains("1 to 107 bytes"))
  }

  @Test func namesAreToldApartByteByByte() throws {
    let names = try [
      SocketAddress.unix(path: "a"), .unix(path: "b"), .unix(path: "a "), .unix(abstract: "a"), .unix(abstract: "a\0"),
      .loopback(port: 0), .any(port: 0),
    ]
    #expect(Set(names).count == names.count)
    #expect(try SocketAddress.unix(path: "a") == names[0] && .unix(abstract: "a\0") == names[4])
    #expect(names[4].description == "unix:@a\\x00")
    #expect(try SocketAddress.unix(path: "a\nb").description == "unix:a\\x0ab")
  }

  @Test func aSocketWithoutANameHasAnAddressThatSaysSo() throws {
    var storage = sockaddr_storage()
    storage.ss_family = sa_family_t(AF_UNIX)
    let address = try #require(SocketAddress(storage, length: 2))
    #expect(address.family == .unix && address.path == nil && address.abstractName == nil)
    #expect(address.description == "unix:" && address.kernelForm.length == 2)
    #expect(Self.there(address) == address)
  }

  /// The kernel allows a path that fills its field and has no NUL.
  @Test func aPathWithoutANULIsRead() throws {
    var storage = sockaddr_storage()
    storage.ss_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      for index in 2..<110 { unsafe bytes[index] = UInt8(ascii: "z") }
    }
    #expect(SocketAddress(storage, length: 110)?.path == String(repeating: "z", count: 108))
    // Lengths that make no sense read nothing beyond.
    #expect(SocketAddress(storage, length: 0)?.path == nil)
    #expect(SocketAddress(storage, length: .max)?.path == String(repeating: "z", count: 108))
  }

  @Test func onlyNonTCPOptionsReachAUnixSocket() throws {
    var options = SocketOptions()
    options.keepAlive = true
    options.congestionControl = "no such"
    options.ipv6Only = true
    options.sendBufferBytes = 50_000
    let name = try SocketAddress.unix(abstract: "sluice-options-\(getpid())")
    let listener = try Socket.listen(on: name, backlog: 1, options: options, sharesPort: true)
    defer { Socket.close(listener) }
    #expect(Socket.localAddress(of: listener) == name)
    var bytes: Int32 = 0
    var length = socklen_t(4)
    _ = unsafe getsockopt(listener, SOL_SOCKET, SO_SNDBUF, &bytes, &length)
    #expect(bytes == 100_000)
    Socket.close(try KernelSockets().open(for: name, options))
  }
}
