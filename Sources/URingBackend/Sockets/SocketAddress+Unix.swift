internal import Glibc

/// Unix sockets: unix(7).
extension SocketAddress {
  /// A Unix socket in the file system.
  ///
  /// A relative path is relative to the working directory, when it is used.
  ///
  /// - Throws: `SocketError` of kind `.invalidUnixName` when the path is empty, has a NUL in it, or is longer than 107
  ///   bytes, which is what the kernel's structure has room for.
  public static func unix(path: String) throws(SocketError) -> SocketAddress {
    let bytes = Array(path.utf8)
    guard !bytes.contains(0) else { throw SocketError(.invalidUnixName, .address) }
    return try SocketAddress(.file, bytes)
  }

  /// A Unix socket in the abstract namespace of Linux: no file, and no permissions; the name is free when its last socket
  /// is closed. Everybody in the same network namespace may connect: see ``PeerCredentials``.
  ///
  /// - Parameter name: without the NUL, or the `@` that tools show for it, in front. It may have a NUL in it.
  /// - Throws: `SocketError` of kind `.invalidUnixName` when the name is empty or longer than 107 bytes.
  public static func unix(abstract name: String) throws(SocketError) -> SocketAddress {
    try SocketAddress(.abstract, Array(name.utf8))
  }

  /// The path of a Unix socket in the file system; nil for all other addresses. Bytes that are not UTF-8 are replaced.
  public var path: String? {
    guard let unixName, unixName.space == .file else { return nil }
    return String(decoding: unixName.bytes, as: UTF8.self)
  }

  /// The name of a Unix socket in the abstract namespace; nil for all other addresses. Bytes that are not UTF-8 are replaced.
  public var abstractName: String? {
    guard let unixName, unixName.space == .abstract else { return nil }
    return String(decoding: unixName.bytes, as: UTF8.self)
  }

  /// The path as system calls take it, with a NUL behind it; nil for all other addresses.
  var filePath: [CChar]? {
    guard let unixName, unixName.space == .file else { return nil }
    return unixName.bytes.map { CChar(bitPattern: $0) } + [0]
  }

  private init(_ space: UnixName.Space, _ bytes: [UInt8]) throws(SocketError) {
    guard (1...UnixName.mostBytes).contains(bytes.count) else { throw SocketError(.invalidUnixName, .address) }
    self.init(UnixName(space, bytes))
  }

  // MARK: The kernel's form

  /// Where `sun_path` begins: behind the family.
  private static var pathOffset: Int { MemoryLayout<sa_family_t>.size }

  /// Writes the kernel's form into memory as large as a `sockaddr_storage`, all zero; returns how long it is. The length
  /// says where an abstract name ends; that of a path counts its NUL.
  static func write(_ name: UnixName, _ storage: UnsafeMutableRawBufferPointer) -> Int {
    unsafe storage.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
    // A name has 107 bytes at most, and a sockaddr_storage 128.
    let start = pathOffset + (name.space == .abstract ? 1 : 0)
    for (index, byte) in name.bytes.enumerated() { unsafe storage[start + index] = byte }
    return switch name.space {
    case .file: start + name.bytes.count + 1
    case .abstract: start + name.bytes.count
    case .none: start
    }
  }

  /// Reads the kernel's form, of which `length` bytes count.
  static func readUnix(_ storage: UnsafeRawBufferPointer, length: Int) -> SocketAddress {
    let end = min(max(length, pathOffset), storage.count)
    let name = unsafe Array(storage[pathOffset..<end])
    guard let first = name.first else { return SocketAddress(UnixName.nowhere) }
    // The kernel takes paths of 108 bytes, too, and shows them without a NUL.
    return SocketAddress(
      first == 0 ? UnixName(.abstract, Array(name.dropFirst())) : UnixName(.file, Array(name.prefix { $0 != 0 }))
    )
  }
}
