import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The descriptors of this process, as /proc lists them.
enum OpenDescriptors {
  static func all() -> [Int32] {
    guard let directory = unsafe opendir("/proc/self/fd") else { return [] }
    defer { unsafe closedir(directory) }
    var numbers: [Int32] = []
    let own = unsafe dirfd(directory)
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if let number = Int32(name), number != own { numbers.append(number) }
    }
    return numbers
  }

  /// Sockets, rings and event counters: what this package opens. The runtime opens timers of its own when it likes.
  static func count() -> Int {
    all().count { number in
      let kind = link(number)
      return kind.hasPrefix("socket:") || kind == "anon_inode:[io_uring]" || kind == "anon_inode:[eventfd]"
    }
  }

  /// Those of files in a directory.
  static func count(in directory: TemporaryDirectory) -> Int {
    all().count { link($0).hasPrefix("\(directory.path)/") }
  }

  private static func link(_ number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      let count = unsafe readlink("/proc/self/fd/\(number)", base, buffer.count)
      return unsafe String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// The count when what is on its way out is gone.
  static func settledCount() async throws -> Int {
    var least = count()
    for _ in 0..<20 {
      try await Task.sleep(for: .milliseconds(2))
      least = min(least, count())
    }
    return least
  }

  /// The limit under which so many more descriptors can be opened. Numbers that are free need not be the highest.
  static func limit(leaving free: Int) -> UInt {
    let taken = Set(all())
    var left = free
    var number: Int32 = 0
    while left > 0 {
      if !taken.contains(number) { left -= 1 }
      number += 1
    }
    return UInt(number)
  }
}

/// Makes room for so many descriptors, where the hard limit allows it.
func raiseDescriptorLimit(to wanted: UInt) throws {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
  guard limit.rlim_cur < wanted else { return }
  limit.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
  guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
}

/// No descriptor at or above this number.
func limitDescriptors(to number: UInt) throws {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
  limit.rlim_cur = rlim_t(number)
  guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
}
