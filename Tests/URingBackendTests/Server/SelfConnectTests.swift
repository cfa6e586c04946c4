import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A socket that the kernel gives the port as its own that it is to connect to is connected to itself. The tests bind it
/// there, where chance would have to do it otherwise.
@Suite(.timeLimit(.minutes(5)))
struct SelfConnectTests {
  /// Each test has an address of its own, and each process a port, one that the kernel does not choose by itself.
  static let port = UInt16(20_000 + getpid() % 10_000)

  /// The error of bind(2), 0 for none.
  private static func bind(_ descriptor: Int32, to address: SocketAddress) -> Int32 {
    var (storage, length) = address.kernelForm
    return unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        blockingOnceFree { unsafe Glibc.bind(descriptor, name, length) == 0 ? 0 : errno }
      }
    }
  }

  private static func listen(on address: SocketAddress, backlog: Int32 = 1) async throws -> Int32 {
    try await onceFree {
      try Socket.listen(on: address, backlog: backlog, options: SocketOptions(), sharesPort: false)
    }
  }

  /// Connects, and calls `prepare` with the number of each try and its socket. The names of both ends, or the error.
  private func connect(
    to address: SocketAddress,
    _ prepare: @escaping @Sendable (Int, Int32) -> Void
  ) async throws -> Result<(own: SocketAddress?, peer: SocketAddress?), SocketError> {
    let loop = try EventLoop.start()
    let tries = Locked(0)
    let result = await withCheckedContinuation { continuation in
      loop.execute {
        guard let engine = loop.streams else { return }
        engine.connect(
          to: address,
          timeoutNanoseconds: 50_000_000_000,
          options: SocketOptions(),
          sink: ConnectionSink(budget: nil),
          settings: ConnectionSettings(ConnectionLimits(), isHandled: false),
          prepare: { descriptor in
            let number = tries.withLock { tries in
              tries += 1
              return tries
            }
            prepare(number, descriptor)
          },
          completion: { result in
            continuation.resume(
              returning: result.map { index -> (own: SocketAddress?, peer: SocketAddress?) in
                (engine.localAddress(of: engine.records[index].id), engine.records[index].peer)
              }
            )
          }
        )
      }
    }
    await loop.shutdown()
    return result
  }

  @Test(arguments: ["127.83.1.1", "::1"])
  func whereOnlyTheSocketItselfAnswersTheConnectionIsRefused(host: String) async throws {
    let address = try SocketAddress(host: host, port: Self.port)
    let bound = Locked<[Int32]>([])
    let result = try await connect(to: address) { _, descriptor in
      bound.change { $0.append(Self.bind(descriptor, to: address)) }
    }
    #expect(throws: SocketError(.system(.connectionRefused), .connect, peer: address)) { _ = try result.get() }
    // Each try found the port free: the one before left nothing there.
    #expect(bound.value == Array(repeating: 0, count: StreamEngine.selfConnectRetries + 1))
    Socket.close(try await Self.listen(on: address))
  }

  @Test func aConnectionToItselfIsReplacedByTheOneThatWasMeant() async throws {
    let address = try SocketAddress(host: "127.83.1.2", port: Self.port)
    let listener = Locked<Int32>(-1)
    let tries = Locked(0)
    let result = try await connect(to: address) { number, descriptor in
      tries.change { $0 = number }
      if number == 1 {
        #expect(Self.bind(descriptor, to: address) == 0)
      } else {
        _ = blockingOnceFree {
          do throws(SocketError) {
            let late = try Socket.listen(on: address, backlog: 1, options: SocketOptions(), sharesPort: false)
            listener.change { $0 = late }
            return 0
          } catch {
            return error.errno?.rawValue ?? -1
          }
        }
      }
    }
    let ends = try result.get()
    #expect(ends.peer == address && ends.own != nil && ends.own != address)
    #expect(tries.value == 2)
    Socket.close(listener.value)
  }

  /// Neither the same host nor the same port alone is the same socket.
  @Test func onlyTheSameAddressAndPortIsTheSocketItself() async throws {
    let address = try SocketAddress(host: "127.83.1.3", port: Self.port)
    let listener = try await Self.listen(on: address, backlog: 2)
    defer { Socket.close(listener) }
    for own in [address.with(port: Self.port + 1), try SocketAddress(host: "127.83.1.4", port: Self.port)] {
      let result = try await connect(to: address) { _, descriptor in
        #expect(Self.bind(descriptor, to: own) == 0)
      }
      #expect(try result.get().own == own)
    }
  }
}
