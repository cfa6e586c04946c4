#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The C library, seen by nobody else. Builds without one too: then memory comes from Swift's allocator.
enum Platform {
  // Sound: these take addresses from callers, who say why; the C functions read `count` bytes at them and keep nothing.
  /// The size of a page in bytes.
  static let pageSize: Int = {
    #if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
      return max(4096, Int(sysconf(Int32(_SC_PAGESIZE))))
    #else
      return 4096
    #endif
  }()

  /// The size of a huge page in bytes: what x86-64 and arm64 with 4 KiB pages use.
  static let hugePageSize = 2 << 20

  /// The first place of a byte, or nil.
  static func firstIndex(of byte: UInt8, in bytes: UnsafeRawPointer, count: Int) -> Int? {
    #if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
      guard count > 0, let hit = unsafe memchr(bytes, Int32(byte), count) else { return nil }
      return unsafe UnsafeRawPointer(hit) - bytes
    #else
      return unsafe UnsafeRawBufferPointer(start: bytes, count: count).firstIndex(of: byte)
    #endif
  }

  /// Whether two ranges of memory hold the same bytes.
  static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
    #if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
      return unsafe memcmp(left, right, count) == 0
    #else
      return unsafe UnsafeRawBufferPointer(start: left, count: count)
        .elementsEqual(UnsafeRawBufferPointer(start: right, count: count))
    #endif
  }

  /// The address of a function that may or may not be part of this process.
  static func symbol(_ name: StaticString) -> UnsafeMutableRawPointer? {
    #if canImport(Darwin)
      return unsafe dlsym(
        UnsafeMutableRawPointer(bitPattern: -2),
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
      )
    #elseif canImport(Glibc) || canImport(Musl)
      return unsafe dlsym(nil, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
    #else
      return nil
    #endif
  }

  #if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
    /// Maps fresh, zeroed, private pages. Returns nil and leaves the reason in `errno`.
    static func map(_ bytes: Int, flags: Int32) -> UnsafeMutableRawPointer? {
      let base = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | flags, -1, 0)
      return unsafe base == MAP_FAILED ? nil : base
    }
  #endif

  /// A page that reads as zero in forked children, or nil where the kernel does not offer that.
  static func mapWipedOnFork() -> UnsafeMutableRawPointer? {
    #if canImport(Glibc) || canImport(Musl)
      guard let page = unsafe map(pageSize, flags: 0) else { return nil }
      // MADV_WIPEONFORK, which not every C library's header names.
      if unsafe madvise(page, pageSize, 18) == 0 { return unsafe page }
      unsafe munmap(page, pageSize)
    #endif
    return nil
  }

  /// A number that this process and its parent do not have in common.
  static var processNumber: UInt64 {
    #if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
      return UInt64(getpid())
    #else
      return 1
    #endif
  }
}
