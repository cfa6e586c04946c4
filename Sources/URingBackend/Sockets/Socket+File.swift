internal import CLiburing
internal import Glibc

extension Socket {
  /// send(2), not waiting.
  static func sendNow(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    let result = unsafe Glibc.send(descriptor, base, count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    return result < 0 ? -Int(errno) : result
  }

  /// sendfile(2), which does not wait for room in the socket, but may for a disk: see `FileCall.isCached(_:_:)`. Raises SIGPIPE
  /// where the peer has reset the connection, so the thread must have that blocked.
  ///
  /// sendfile(2) takes no flags, so the socket is made a non-blocking one for the length of the call. Not for longer: the kernel
  /// would not let an operation of a ring wait on it then.
  static func sendFile(_ descriptor: Int32, file: Int32, at offset: Int, count: Int) -> Int {
    var start = off_t(offset)
    setNonBlocking(descriptor, true)
    var result = unsafe Glibc.sendfile(descriptor, file, &start, count)
    if result < 0 { result = -Int(errno) }
    setNonBlocking(descriptor, false)
    return result
  }

  private static func setNonBlocking(_ descriptor: Int32, _ isOn: Bool) {
    var value: Int32 = isOn ? 1 : 0
    // Cannot fail on a socket.
    _ = unsafe ioctl(descriptor, UInt(FIONBIO), &value)
  }
}
