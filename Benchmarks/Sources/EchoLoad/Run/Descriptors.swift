import Glibc

/// The process's limit of open files. See getrlimit(2).
enum Descriptors {
  /// Raises the soft limit to the hard one, and checks that it is enough.
  ///
  /// - Parameter wanted: connections; a few more files are open besides.
  static func reserve(_ wanted: Int) throws(LoadError) {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    guard limit.rlim_max < UInt(wanted + 32) else { return }
    throw LoadError(
      .noDescriptors,
      "\(wanted) connections need more open files than this process may have (\(limit.rlim_max)): raise `ulimit -Hn`"
    )
  }
}
