internal import NIOCore
internal import SystemPackage
internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension SocketError {
  /// The same as SwiftNIO's channels say it.
  ///
  /// - Parameter connectTimeout: the time that ran out, where this is the error of an attempt to connect.
  func asChannelError(connectTimeout: TimeAmount? = nil) -> any Error {
    switch kind {
    case .system(let errno): IOError(errnoCode: errno.rawValue, reason: operation.rawValue)
    case .timedOut:
      connectTimeout.map { ChannelError.connectTimeout($0) } ?? IOError(errnoCode: ETIMEDOUT, reason: description)
    case .shuttingDown: EventLoopError.shutdown
    case .closed, .cancelled: ChannelError.ioOnClosedChannel
    default: IOError(errnoCode: ECONNABORTED, reason: description)
    }
  }
}
