internal import CLiburing
internal import Glibc
internal import SystemPackage

/// Calls on files. Each answers as the system call of its name does, with a negative errno value in place of -1 and `errno`.
///
/// Those called `Cached` never wait for a disk: -EAGAIN says that they would have to.
enum FileCall {
  /// openat2(2); waits.
  static func open(_ open: FileOpen) -> Int32 {
    // Path and structure are the argument's, and copied by the call.
    unsafe openat2(open.directory, UnsafePointer(open.path), UnsafePointer(open.how))
  }

  /// The same with RESOLVE_CACHED: only names that are in the kernel's cache.
  static func openCached(_ open: FileOpen) -> Int32 {
    var how = unsafe open.how.pointee
    how.resolve |= SLUICE_RESOLVE_CACHED
    return unsafe openat2(open.directory, open.path, &how)
  }

  private static func openat2(_ directory: Int32, _ path: UnsafePointer<CChar>, _ how: UnsafePointer<open_how>) -> Int32
  {
    let result = sluice_system_call(
      SLUICE_CALL_OPENAT2,
      Int(directory),
      Int(bitPattern: path),
      Int(bitPattern: how),
      MemoryLayout<open_how>.size
    )
    return result < 0 ? -errno : Int32(truncatingIfNeeded: result)
  }

  /// preadv2(2) with RWF_NOWAIT: what is in the page cache. -EAGAIN and -EOPNOTSUPP: it would have to wait, or may.
  static func readCached(_ file: File, _ base: UnsafeMutableRawPointer, _ count: Int, at offset: Int) -> Int {
    var vector = unsafe iovec(iov_base: base, iov_len: count)
    while true {
      let result = unsafe preadv2(file.descriptor, &vector, 1, off_t(offset), Int32(SLUICE_RWF_NOWAIT))
      if result >= 0 { return result }
      if errno == EOPNOTSUPP, FileSystems.isReadAtOnce(file.descriptor, device: file.identity.device) {
        return unsafe read(file.descriptor, base, count, at: offset)
      }
      if errno != EINTR { return -Int(errno) }
    }
  }

  /// Whether a range of a file is in the page cache, as far as its ends tell. What is cached is cached in long runs: readahead
  /// brings it, and memory pressure takes it, piece by piece. (cachestat(2) would know, but answers the owner of a file only.)
  ///
  /// False also where the file has come to its end before, and where its file system cannot say.
  static func isCached(_ file: File, _ range: Range<Int>) -> Bool {
    var byte: UInt8 = 0
    return unsafe withUnsafeMutablePointer(to: &byte) { byte in
      // One byte is what there is room for.
      unsafe readCached(file, byte, 1, at: range.upperBound - 1) == 1
        && readCached(file, byte, 1, at: range.lowerBound) == 1
    }
  }

  /// pread(2); waits.
  static func read(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int, at offset: Int) -> Int {
    let result = unsafe pread(descriptor, base, count, off_t(offset))
    return result < 0 ? -Int(errno) : result
  }

  /// pwrite(2); waits.
  static func write(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int, at offset: Int) -> Int {
    let result = unsafe pwrite(descriptor, base, count, off_t(offset))
    return result < 0 ? -Int(errno) : result
  }

  /// close(2). Linux has closed it, whatever it says; what it says belongs to what was written before.
  static func close(_ descriptor: Int32) -> Int32 {
    Glibc.close(descriptor)
    return 0
  }

  /// fsync(2), or fdatasync(2); waits.
  static func sync(_ descriptor: Int32, dataOnly: Bool) -> Int32 {
    (dataOnly ? fdatasync(descriptor) : fsync(descriptor)) == 0 ? 0 : -errno
  }
}
