import CLiburing
import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Two connected Unix stream sockets, closed with the value's last reference.
final class SocketPair {
  let ours: FileDescriptor
  let peer: FileDescriptor

  init() throws {
    var pair: (Int32, Int32) = (-1, -1)
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let result = unsafe withUnsafeMutableBytes(of: &pair) { bytes in
      unsafe socketpair(AF_UNIX, kind, 0, bytes.assumingMemoryBound(to: Int32.self).baseAddress)
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    ours = FileDescriptor(rawValue: pair.0)
    peer = FileDescriptor(rawValue: pair.1)
  }

  deinit {
    try? ours.close()
    try? peer.close()
  }

  func send(_ bytes: [UInt8]) throws {
    try peer.writeAll(bytes)
  }

  /// Ends the stream towards us.
  func shutDownPeer() throws {
    if shutdown(peer.rawValue, Int32(SHUT_WR)) < 0 { throw Errno(rawValue: errno) }
  }
}

extension KernelFeatures {
  /// What runs here: probed once for all tests.
  static let here = Result { try KernelFeatures.probe() }

  /// Every way to run that differs in its features: all, each one off, and as old kernels have it.
  static let variants: [[KernelFeature]] =
    [[], KernelFeature.allCases, linux61] + KernelFeature.allCases.map { [$0] }

  /// What Linux 6.1 lacks.
  static let linux61: [KernelFeature] = [.incrementalBuffers, .receiveLimit, .noIOWait, .zeroCopySend]
}

extension Ring {
  /// A ring of this kernel.
  static func kernel(
    entries: UInt32 = 8,
    completionEntries: UInt32 = 32,
    without disabled: [KernelFeature] = []
  ) throws -> Ring {
    let features = try KernelFeatures.here.get().disabling(disabled)
    return Ring(
      driver: try KernelDriver(entries: entries, completionEntries: completionEntries, features: features)
    )
  }

  /// The next completion, within a second.
  func completion() throws -> Completion? {
    for _ in 0..<10 {
      if let completion = nextCompletion() { return completion }
      try enter(waitFor: 1, timeoutNanoseconds: 100_000_000)
    }
    return nextCompletion()
  }
}
