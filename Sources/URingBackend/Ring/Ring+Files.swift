import CLiburing

// Operations on regular files. As in Ring+Submissions: what pointers lead to stays valid until the completion.
//
// Plain reads, and no registered buffers: a read that goes through the page cache copies either way, and READ_FIXED was no
// cheaper where it was measured.

extension Ring {
  /// Opens a file below `directory`, or AT_FDCWD; the result is a descriptor. The path and what it is opened with are
  /// copied while the submission is taken. io_uring_prep_openat2(3).
  func prepareOpen(
    directory: Int32,
    path: UnsafePointer<CChar>,
    how: UnsafeMutablePointer<open_how>,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_openat2(entry, directory, path, how)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Reads at an offset. io_uring_prep_read(3).
  func prepareRead(
    _ descriptor: Int32,
    base: UnsafeMutableRawPointer,
    count: Int,
    offset: UInt64,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_read(entry, descriptor, base, UInt32(clamping: count), offset)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Writes at an offset. io_uring_prep_write(3).
  func prepareWrite(
    _ descriptor: Int32,
    base: UnsafeRawPointer,
    count: Int,
    offset: UInt64,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_write(entry, descriptor, base, UInt32(clamping: count), offset)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Brings what was written to the disk. io_uring_prep_fsync(3).
  /// - Parameter dataOnly: as fdatasync(2).
  func prepareSync(_ descriptor: Int32, dataOnly: Bool, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_fsync(entry, descriptor, dataOnly ? SLUICE_FSYNC_DATASYNC : 0)
    unsafe entry.pointee.user_data = userData
    return true
  }
}
