internal import Glibc
internal import URingBackend

extension SimulatedSystem {
  package func receive(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
    begin("recv", descriptor)
    if count == 0 { violate("recv of descriptor \(descriptor) into nothing") }
    // The caller owns `count` bytes from `base` on, as with recv(2).
    let result = unsafe network.receive(descriptor, into: UnsafeMutableRawBufferPointer(start: base, count: count))
    note("recv", descriptor, result)
    return result
  }

  package func send(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int, flags: Int32) -> Int {
    begin("send", descriptor)
    if count == 0 { violate("send to descriptor \(descriptor) from nothing") }
    // As above: they are the caller's.
    let result = unsafe network.send(descriptor, UnsafeRawBufferPointer(start: base, count: count))
    note("send", descriptor, result)
    return result
  }

  package func sendVector(_ descriptor: Int32, message: UnsafeRawPointer, flags: Int32) -> Int {
    begin("sendmsg", descriptor)
    // The caller's header, there for as long as the call.
    let result = unsafe sendParts(descriptor, message.assumingMemoryBound(to: msghdr.self))
    note("sendmsg", descriptor, result)
    return result
  }

  private func sendParts(_ descriptor: Int32, _ message: UnsafePointer<msghdr>) -> Int {
    let side: Int
    switch network.find(descriptor, orListener: EPIPE) {
    case .failure(let error): return Int(error)
    case .side(let found): side = found
    }
    // The caller's header names `msg_iovlen` parts, each of which is memory of the caller.
    let parts = unsafe UnsafeBufferPointer(start: message.pointee.msg_iov, count: Int(message.pointee.msg_iovlen))
    let wanted = unsafe parts.reduce(0) { unsafe $0 + $1.iov_len }
    if wanted == 0 { violate("sendmsg to descriptor \(descriptor) from nothing") }
    let refusal = network.sendRefusal(side)
    guard refusal == 0 else { return Int(refusal) }
    let room = network.room(side, for: wanted)
    guard room > 0 || wanted == 0 else { return Int(-EAGAIN) }
    var left = room
    for index in 0..<parts.count where left > 0 {
      let count = unsafe min(left, parts[index].iov_len)
      guard count > 0 else { continue }
      guard let base = unsafe parts[index].iov_base else {
        violate("sendmsg to descriptor \(descriptor) from null")
        return Int(-EFAULT)
      }
      unsafe network.put(side, UnsafeRawBufferPointer(start: base, count: count))
      left -= count
    }
    return room
  }

  package func read(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
    unsafe isForeign(descriptor) ? Int(-EAGAIN) : receive(descriptor, base, count)
  }

  package func hasInput(_ descriptor: Int32) -> Bool {
    begin("ioctl FIONREAD", descriptor)
    return network.bytesAvailable(descriptor) > 0
  }

  package func poll(_ descriptor: Int32, _ events: UInt32) -> Int32 {
    if isForeign(descriptor) { return 0 }
    begin("poll", descriptor)
    let result = network.poll(descriptor, events)
    note("poll", descriptor, Int(result))
    return result
  }

  package func shutdown(_ descriptor: Int32, _ how: Int32) -> Int32 {
    begin("shutdown", descriptor)
    let result = network.shutdown(descriptor, how)
    note("shutdown", descriptor, Int(result))
    return result
  }

  package func close(_ descriptor: Int32) -> Int32 {
    // Not ours to close: the real kernel's descriptors are closed there.
    if isForeign(descriptor) {
      violate("close of descriptor \(descriptor), which is not simulated")
      return -EBADF
    }
    begin("close", descriptor)
    let result = network.close(descriptor)
    note("close", descriptor, Int(result))
    return result
  }
}
