import CLiburing
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Link-local IPv6 addresses and their interfaces, mapped IPv4 addresses, and text that only starts like an address.
struct SocketAddressScopeTests {
  static let loopback = unsafe if_nametoindex("lo")

  @Test(arguments: ["127.0.0.1\0", "127.0.0.1\0x", "::1\0", "\0", "localhost\0", "fe80::1%lo\0x"])
  func textThatGoesOnAfterANULIsRefused(text: String) {
    #expect(throws: SocketError(.invalidAddress, .address)) { try SocketAddress(host: text, port: 1) }
  }

  @Test(arguments: ["fe80::1", "febf::1:2", "ff02::1", "ff01::1", "ff12::1"])
  func anInterfaceIsGivenByNameOrNumber(host: String) throws {
    let named = try SocketAddress(host: "\(host)%lo", port: 80)
    #expect(named.scope == Self.loopback && named.scope > 0)
    #expect(try SocketAddress(host: "\(host)%\(Self.loopback)", port: 80) == named)
    #expect(try SocketAddress(host: host, port: 80).with(scope: Self.loopback) == named)
    // The name is printed, whichever way it was given, and the port goes behind the brackets.
    #expect(named.host == "\(host)%lo" && named.description == "[\(host)%lo]:80")
    #expect(try SocketAddress(host: named.host, port: 80) == named)
  }

  @Test func addressesOfDifferentInterfacesAreDifferent() throws {
    let plain = try SocketAddress(host: "fe80::1", port: 80)
    let first = try plain.with(scope: 1)
    let second = try plain.with(scope: 2)
    #expect(Set([plain, first, second]).count == 3 && plain.scope == 0)
    #expect(try second.with(scope: 1) == first && second.with(scope: 0) == plain)
    #expect(first.with(port: 81).scope == 1)
  }

  @Test func aScopeWithoutAnInterfaceIsPrintedAsItsNumber() throws {
    let number: UInt32 = 4_000_000_001
    #expect(try SocketAddress(host: "fe80::1", port: 80).with(scope: number).host == "fe80::1%\(number)")
  }

  @Test(arguments: [
    "fe80::1%", "fe80::1%nosuch0", "fe80::1%0", "fe80::1%4000000001", "fe80::1%+1", "fe80::1%-1", "fe80::1% 1",
    "fe80::1%lo%lo", "fe80::1%lo ", "fe80::1%99999999999999999999", "fe80::1%lo567890123456789",
    // Not link-local: the kernel would ignore it.
    "::1%lo", "2001:db8::1%lo", "::%lo", "ff05::1%lo", "fec0::1%lo",
  ])
  func anUnknownInterfaceOrOneThatMeansNothingIsRefused(text: String) {
    #expect(throws: SocketError(.invalidScope, .address)) { try SocketAddress(host: text, port: 1) }
  }

  @Test(arguments: ["127.0.0.1%lo", "localhost%lo", "%lo", "lo%fe80::1", "fe80:::1%lo"])
  func onlyIPv6AddressesHaveInterfaces(text: String) {
    #expect(throws: SocketError(.invalidAddress, .address)) { try SocketAddress(host: text, port: 1) }
  }

  @Test func onlyLinkLocalAddressesTakeAScope() throws {
    for host in ["127.0.0.1", "::1", "2001:db8::1"] {
      let address = try SocketAddress(host: host, port: 1)
      #expect(throws: SocketError(.invalidScope, .address)) { try address.with(scope: 1) }
      #expect(try address.with(scope: 0) == address)
    }
  }

  @Test func theScopeIsInTheKernelsForm() throws {
    let address = try SocketAddress(host: "fe80::1%lo", port: 80)
    let (storage, _) = address.kernelForm
    let form = unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: sockaddr_in6.self) }
    #expect(form.sin6_scope_id == Self.loopback)
    #expect(SocketAddress(storage) == address)
  }

  /// Nobody need have a link-local address for this: the kernel's answers differ.
  @Test func theKernelIsToldTheScope() throws {
    func bind(_ host: String) -> SocketError? {
      do throws(SocketError) {
        let address = try SocketAddress(host: host, port: 0)
        Socket.close(try Socket.listen(on: address, backlog: 1, options: SocketOptions(), sharesPort: false))
        return nil
      } catch {
        return error
      }
    }
    let without = try #require(bind("fe80::dead:beef"))
    #expect(without.errno == .invalidArgument)
    #expect(without.description.contains("needs its interface"), "\(without)")
    let with = try #require(bind("fe80::dead:beef%lo"))
    #expect(with.errno == .addressNotAvailable)
    #expect(with.description.hasPrefix("bind [fe80::dead:beef%lo]:0: "), "\(with)")
  }

  @Test func anErrorOfAScopeSaysWhatIsWanted() {
    #expect(SocketError(.invalidScope, .address).description.contains("the name or number of an interface"))
  }

  @Test func aMappedAddressIsUnmappedToItsIPv4Address() throws {
    let mapped = try SocketAddress(host: "::ffff:192.0.2.7", port: 80)
    #expect(mapped.family == .ipv6 && mapped.host == "::ffff:192.0.2.7")
    #expect(mapped.unmapped == SocketAddress(ipv4: 0xC000_0207, port: 80) && mapped != mapped.unmapped)
    for host in ["192.0.2.7", "::1", "::", "::192.0.2.7", "64:ff9b::192.0.2.7", "1::ffff:192.0.2.7", "fe80::1%lo"] {
      let address = try SocketAddress(host: host, port: 80)
      #expect(address.unmapped == address)
    }
  }
}
