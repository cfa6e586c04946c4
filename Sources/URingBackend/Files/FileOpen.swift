internal import CLiburing
internal import Glibc
internal import SystemPackage

/// What a file is opened with: the arguments of openat2(2), at addresses that the kernel may be given.
@safe
final class FileOpen: @unchecked Sendable {
  // Why unchecked: constant. The memory is this object's, from `init` to `deinit`.

  /// The directory that the path starts from.
  let directory: Int32
  /// Ends with a NUL.
  let path: UnsafeMutablePointer<CChar>
  let how: UnsafeMutablePointer<open_how>

  /// The longest path, its NUL included: PATH_MAX.
  private static let mostBytes = 4096

  /// Nil where the path is none: it is empty, has a NUL in it, or is too long.
  private init?(_ path: String, directory: Int32) {
    let count = path.utf8.count
    guard count > 0, count < FileOpen.mostBytes, !path.utf8.contains(0) else { return nil }
    self.directory = directory
    unsafe self.path = .allocate(capacity: count + 1)
    var place = 0
    for byte in path.utf8.prefix(count) {
      unsafe (self.path + place).initialize(to: CChar(bitPattern: byte))
      place += 1
    }
    unsafe (self.path + place).initialize(to: 0)
    unsafe how = .allocate(capacity: 1)
    unsafe how.initialize(to: open_how())
  }

  /// - Parameter directory: the file must be below it, and nothing on the way may lead out; nil: wherever the path says.
  convenience init?(_ path: String, _ opening: FileOpening, beneath directory: Directory?) {
    self.init(path, directory: directory?.descriptor ?? AT_FDCWD)
    unsafe how.pointee.flags = UInt64(UInt32(bitPattern: opening.flags))
    // Refused with anything else where nothing is made.
    unsafe how.pointee.mode = UInt64(opening.create?.rawValue ?? 0)
    // Magic links (/proc/self/fd/3) lead to what a name never could.
    if directory != nil { unsafe how.pointee.resolve = SLUICE_RESOLVE_BENEATH | SLUICE_RESOLVE_NO_MAGICLINKS }
  }

  /// A directory, to be opened beneath.
  convenience init?(directory path: String) {
    self.init(path, directory: AT_FDCWD)
    unsafe how.pointee.flags = UInt64(UInt32(bitPattern: O_CLOEXEC | O_DIRECTORY | O_RDONLY))
  }

  deinit {
    unsafe path.deallocate()
    unsafe how.deallocate()
  }
}
