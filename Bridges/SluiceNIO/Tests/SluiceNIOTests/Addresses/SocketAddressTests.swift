import NIOCore
import Testing
@_spi(Bridging) import URingBackend

@testable import SluiceNIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The core has one, too: `SluiceAddress`.
private typealias Address = NIOCore.SocketAddress

@Suite struct SocketAddressTests {
  @Test(arguments: ["127.0.0.1", "255.255.255.255", "0.0.0.0", "::", "::1", "2001:db8::7:1", "fe80::1%lo"])
  func anAddressOfTheInternetGoesBothWays(host: String) throws {
    let address = try Address(ipAddress: host, port: 4660)
    let core = try #require(SluiceAddress(address))
    #expect(try core == SluiceAddress(host: host, port: 4660))
    #expect(Address(core) == address)
  }

  @Test(arguments: [1, 50, 103]) func aPathGoesBothWays(length: Int) throws {
    let path = "/" + String(repeating: "p", count: length - 1)
    let address = try Address(unixDomainSocketPath: path)
    let core = try #require(SluiceAddress(address))
    #expect(try core == .unix(path: path))
    #expect(Address(core)?.pathname == path)
    #expect(address.isUnix)
  }

  @Test(arguments: ["n", "a name", "in\0side", String(repeating: "x", count: 107)])
  func anAbstractNameGoesBothWaysWithoutWhatIsLeftOfItsRoom(name: String) throws {
    let core = try SluiceAddress.unix(abstract: name)
    let address = try #require(Address(core))
    #expect(SluiceAddress(address) == core)
  }

  @Test func aSocketWithoutANameHasNone() throws {
    let address = Address(sockaddr_un.unix)
    let core = try #require(SluiceAddress(address))
    #expect(core.path == nil && core.abstractName == nil)
    #expect(Address(core)?.pathname == "")
  }

  @Test(arguments: 0..<16) func bytesThatAreNoAddressAreRefused(count: Int) {
    // An IPv4 address that is cut.
    var bytes = [UInt8](repeating: 0, count: count)
    if count > 0 { bytes[0] = UInt8(AF_INET) }
    let read = unsafe bytes.withUnsafeBytes { unsafe Address(sockaddr: $0) }
    #expect(read == nil)
  }

  @Test func anUnknownFamilyIsRefused() {
    let read = unsafe [UInt8](repeating: 0xFF, count: 128).withUnsafeBytes {
      unsafe Address(sockaddr: $0)
    }
    #expect(read == nil)
  }

  @Test func aHostKeepsItsName() throws {
    let address = try Address(ipAddress: "127.0.0.1", port: 80).named("here")
    #expect(address.description == "[IPv4]here/127.0.0.1:80")
  }

  @Test func theKernelSaysWhatASocketIsCalled() throws {
    let any = try Address(ipAddress: "127.0.0.1", port: 0)
    let socket = try StreamSockets.open(for: any)
    defer { close(socket) }
    try StreamSockets.bind(socket, to: any)
    let name = try #require(SocketNames.local(of: socket))
    #expect(name.ipAddress == "127.0.0.1" && name.port != 0)
    #expect(SocketNames.peer(of: socket) == nil)
    #expect(!SocketNames.isUnix(socket))
    #expect(SocketNames.local(of: -1) == nil)
  }
}

extension sockaddr_un {
  /// Of the family alone.
  fileprivate static var unix: sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    return address
  }
}
