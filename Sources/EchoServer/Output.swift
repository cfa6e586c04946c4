import Glibc

/// Prints a line at once, also when the output is a file or a pipe. False: nobody takes it.
@discardableResult
func say(_ line: String, on descriptor: Int32 = STDOUT_FILENO) -> Bool {
  var rest = Array("\(line)\n".utf8)[...]
  while !rest.isEmpty {
    // The call reads the bytes that it is told the number of, during the call.
    let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 {
      rest = rest.dropFirst(count)
    } else if errno != EINTR {
      return false
    }
  }
  return true
}

/// Without this, the first line after the reader of a pipe has gone would end the process: write(2), signal(7).
func outliveReaders() {
  signal(SIGPIPE, SIG_IGN)
}
