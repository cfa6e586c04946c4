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

  static func count() -> Int { all().count }

  static func highest() -> Int32 { all().max() ?? 2 }

  /// Opens whatever numbers are free below the limit.
  static func fillHoles() {
    while dup(0) >= 0 {}
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
