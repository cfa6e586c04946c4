import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Tries the operations behind ``KernelFeatures/probe()`` on one ring. Closes all that it opened when it goes.
///
/// Keeps to the rules that it is to find out about: memory that an operation may write is given back only after that
/// operation's last completion.
@safe
final class FeatureProbe {
  var features: KernelFeatures
  let ring: Ring
  var sockets: [FileDescriptor] = []
  private var nextUserData: UInt64 = 0

  static var slotBytes: Int { 64 }
  static var slots: Int { 8 }
  static var group: UInt16 { 0 }

  /// Takes over a driver, and completes what it says about its features.
  init(driver: any RingDriver) {
    features = driver.features
    ring = Ring(driver: driver)
  }

  deinit {
    closeSockets()
    ring.close()
  }

  /// What was found.
  func finish() -> KernelFeatures {
    closeSockets()
    ring.close()
    return features
  }

  // MARK: Helpers

  func makeUserData() -> UInt64 {
    nextUserData += 2
    return nextUserData
  }

  /// The next completion of an operation; nil after a quarter of a second, which only a broken kernel needs.
  func completion(of userData: UInt64) throws(RingError) -> Completion? {
    try completion(of: [userData])
  }

  /// The next completion of any of some operations.
  func completion(of operations: [UInt64]) throws(RingError) -> Completion? {
    for _ in 0..<8 {
      while let completion = ring.nextCompletion() {
        if operations.contains(completion.userData) { return completion }
      }
      try ring.enter(waitFor: 1, timeoutNanoseconds: 30_000_000)
    }
    return nil
  }

  /// Cancels an operation and waits for its last completion.
  func endOperation(_ userData: UInt64, on socket: FileDescriptor) throws(RingError) {
    // The odd number beside it: nobody asks for the cancellation's own completion.
    _ = ring.prepareCancelAll(socket.rawValue, userData: userData | 1)
    while let completion = try completion(of: userData), completion.hasMore {}
  }

  func makePair(ofDatagrams: Bool = false) throws(RingError) -> (FileDescriptor, FileDescriptor) {
    let type = ofDatagrams ? Self.datagramSocket : Self.streamSocket
    var pair: (Int32, Int32) = (-1, -1)
    // A pair of numbers is laid out as an array of two; both live in the variable.
    let result = unsafe withUnsafeMutablePointer(to: &pair) { pointer in
      unsafe pointer.withMemoryRebound(to: Int32.self, capacity: 2) {
        unsafe socketpair(AF_UNIX, type, 0, $0)
      }
    }
    try check("socketpair", result)
    let (first, second) = (FileDescriptor(rawValue: pair.0), FileDescriptor(rawValue: pair.1))
    sockets += [first, second]
    return (first, second)
  }

  func makeSocket() throws(RingError) -> FileDescriptor {
    let result = socket(AF_UNIX, Self.streamSocket, 0)
    try check("socket", result)
    sockets.append(FileDescriptor(rawValue: result))
    return FileDescriptor(rawValue: result)
  }

  private func closeSockets() {
    for socket in sockets { try? socket.close() }
    sockets = []
  }

  func write(_ count: Int, to socket: FileDescriptor) throws(RingError) {
    let bytes: [UInt8] = Array(repeating: 0x53, count: count)
    do {
      _ = try socket.writeAll(bytes)
    } catch {
      throw RingError(system: error as? Errno ?? .ioError, operation: "write")
    }
  }

  func check(_ operation: String, _ result: Int32) throws(RingError) {
    if result < 0 { throw RingError(system: Errno(rawValue: errno), operation: operation) }
  }

  func withAddress(
    _ address: inout sockaddr_storage,
    _ body: (UnsafeMutablePointer<sockaddr>) -> Int32
  ) -> Int32 {
    // Every address begins with a `sockaddr`, and the storage is aligned for all of them.
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
    }
  }

  private static var datagramSocket: Int32 { Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) }
  private static var streamSocket: Int32 { Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) }
}
