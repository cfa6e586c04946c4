#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Calls whose names channels have for something else.
enum SystemCalls {
  /// close(2). What it says of a socket that is given up is of no use to anybody.
  static func close(_ socket: CInt) {
    #if canImport(Glibc)
      _ = Glibc.close(socket)
    #elseif canImport(Musl)
      _ = Musl.close(socket)
    #endif
  }

  /// bind(2).
  static func bind(_ socket: CInt, _ address: UnsafePointer<sockaddr>, _ count: Int) -> CInt {
    // The caller's word: so many bytes are there.
    #if canImport(Glibc)
      unsafe Glibc.bind(socket, address, socklen_t(count))
    #elseif canImport(Musl)
      unsafe Musl.bind(socket, address, socklen_t(count))
    #endif
  }
}
