#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Pages from the operating system. Whoever made a mapping must unmap it, once.
@safe
struct Mapping: @unchecked Sendable {
  // Sound: addresses, which do nothing by themselves; who made the mapping has it alone.
  let base: UnsafeMutableRawPointer
  let bytes: Int
  /// The kind of pages that the system granted (or, for transparent ones, agreed to try).
  let pages: BufferArena.Pages

  /// Maps zeroed memory, page aligned, private to this process and absent in forked children: a child that wrote to
  /// memory which its parent's kernel requests still use could not be told from the parent (madvise(2), MADV_DONTFORK).
  ///
  /// - Parameters:
  ///   - bytes: a multiple of the page size.
  ///   - wish: which pages to try first.
  /// - Throws: ``BufferError/mapFailed(errno:bytes:)``.
  static func map(_ bytes: Int, _ wish: BufferArena.HugePages) throws(BufferError) -> Mapping {
    #if canImport(Glibc) || canImport(Musl)
      // Sound: the calls that follow name pages that were mapped a moment ago, in whole.
      if wish == .prefer || wish == .require, bytes % Platform.hugePageSize == 0 {
        if let base = unsafe Platform.map(bytes, flags: Int32(MAP_HUGETLB)) {
          unsafe madvise(base, bytes, Int32(MADV_DONTFORK))
          return unsafe Mapping(base: base, bytes: bytes, pages: .huge)
        }
      }
      if wish == .require { throw .mapFailed(errno: bytes % Platform.hugePageSize == 0 ? errno : EINVAL, bytes: bytes) }
      guard let base = unsafe Platform.map(bytes, flags: 0) else { throw .mapFailed(errno: errno, bytes: bytes) }
      unsafe madvise(base, bytes, Int32(MADV_DONTFORK))
      let transparent = unsafe wish != .never && madvise(base, bytes, Int32(MADV_HUGEPAGE)) == 0
      return unsafe Mapping(base: base, bytes: bytes, pages: transparent ? .transparent : .ordinary)
    #elseif canImport(Darwin)
      guard let base = unsafe Platform.map(bytes, flags: 0) else { throw .mapFailed(errno: errno, bytes: bytes) }
      return unsafe Mapping(base: base, bytes: bytes, pages: .ordinary)
    #else
      let base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: Platform.pageSize)
      return unsafe Mapping(base: base, bytes: bytes, pages: .ordinary)
    #endif
  }

  /// Gives the pages back. Nobody may look at them any more.
  func unmap() {
    #if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
      // Sound: the caller's word that nobody looks at the pages any more.
      unsafe munmap(base, bytes)
    #else
      unsafe base.deallocate()
    #endif
  }
}
