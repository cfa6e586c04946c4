internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension RingChannel: SocketOptionProvider {
  final func unsafeSetSocketOption<Value: Sendable>(
    level: SocketOptionLevel,
    name: SocketOptionName,
    value: Value
  ) -> EventLoopFuture<Void> {
    unsafeSetSocketOption(
      level: NIOBSDSocket.OptionLevel(rawValue: CInt(level)),
      name: NIOBSDSocket.Option(rawValue: CInt(name)),
      value: value
    )
  }

  final func unsafeSetSocketOption<Value: Sendable>(
    level: NIOBSDSocket.OptionLevel,
    name: NIOBSDSocket.Option,
    value: Value
  ) -> EventLoopFuture<Void> {
    guard loop.inEventLoop else {
      return loop.submit { try self.setSocketOption0(level: level, name: name, value: value) }
    }
    return loop.makeCompletedFuture { try setSocketOption0(level: level, name: name, value: value) }
  }

  final func unsafeGetSocketOption<Value: Sendable>(
    level: SocketOptionLevel,
    name: SocketOptionName
  ) -> EventLoopFuture<Value> {
    unsafeGetSocketOption(
      level: NIOBSDSocket.OptionLevel(rawValue: CInt(level)),
      name: NIOBSDSocket.Option(rawValue: CInt(name))
    )
  }

  final func unsafeGetSocketOption<Value: Sendable>(
    level: NIOBSDSocket.OptionLevel,
    name: NIOBSDSocket.Option
  ) -> EventLoopFuture<Value> {
    guard loop.inEventLoop else { return loop.submit { try self.getSocketOption0(level: level, name: name) } }
    return loop.makeCompletedFuture { try getSocketOption0(level: level, name: name) }
  }

  /// setsockopt(2) with the bytes of a value of C.
  func setSocketOption0<Value>(level: NIOBSDSocket.OptionLevel, name: NIOBSDSocket.Option, value: Value) throws {
    // Bootstraps set it for all sockets, and Unix sockets have none.
    if level == .tcp, name == .tcp_nodelay, isUnix { return }
    try withDescriptor { descriptor in
      // The call reads so many bytes, and they are there.
      try unsafe withUnsafeBytes(of: value) { bytes in
        let count = socklen_t(bytes.count)
        guard unsafe setsockopt(descriptor, level.rawValue, name.rawValue, bytes.baseAddress, count) == 0 else {
          throw IOError(errnoCode: errno, reason: "setsockopt")
        }
        if level == .socket, name == .so_linger, bytes.count >= MemoryLayout<linger>.size {
          lingerChanged(unsafe bytes.loadUnaligned(as: linger.self))
        }
      }
    }
  }

  /// getsockopt(2) into a value of C.
  func getSocketOption0<Value>(level: NIOBSDSocket.OptionLevel, name: NIOBSDSocket.Option) throws -> Value {
    try withDescriptor { descriptor in
      var length = socklen_t(MemoryLayout<Value>.size)
      // Zeroed, as the call may write less than there is room for. It is the caller's word that any bytes make a value: "unsafe".
      let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(1, MemoryLayout<Value>.size),
        alignment: MemoryLayout<Value>.alignment
      )
      defer { unsafe room.deallocate() }
      unsafe room.initializeMemory(as: UInt8.self, repeating: 0)
      guard unsafe getsockopt(descriptor, level.rawValue, name.rawValue, room.baseAddress, &length) == 0 else {
        throw IOError(errnoCode: errno, reason: "getsockopt")
      }
      return unsafe room.load(as: Value.self)
    }
  }
}

extension RingChannel: NIOTransportAccessibleChannelCore {
  typealias Transport = NIOBSDSocket.Handle

  final func withUnsafeTransport<Result>(_ body: (NIOBSDSocket.Handle) throws -> Result) throws -> Result {
    try withDescriptor(body)
  }
}
