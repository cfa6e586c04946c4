import CLiburing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// Preparing operations under a label. What pointers lead to is the bench's until the scenario is over.

extension Bench {
  func receive(
    _ label: String,
    _ connection: BenchConnection,
    _ buffers: BenchBuffers,
    limit: UInt32 = 0,
    showsHint: Bool = false
  ) {
    begin(label, .receive(connection, buffers, showsHint: showsHint)) {
      ring.prepareReceiveMultishot(connection.descriptor, group: buffers.group, limit: limit, userData: $0)
    }
  }

  func receiveOnce(
    _ label: String,
    _ connection: BenchConnection,
    _ buffers: BenchBuffers,
    length: Int = 0,
    showsHint: Bool = false
  ) {
    begin(label, .receive(connection, buffers, showsHint: showsHint)) {
      ring.prepareReceiveOnce(connection.descriptor, group: buffers.group, length: length, userData: $0)
    }
  }

  /// Receives into memory that no ring of buffers has.
  func receiveInto(_ label: String, _ connection: BenchConnection, _ count: Int) {
    let base = unsafe allocate(count)
    unsafe begin(label, .receiveInto(connection, base)) {
      unsafe ring.prepareReceive(connection.descriptor, base: base, count: count, userData: $0)
    }
  }

  /// Receives so many bytes, arming the receive again wherever it ends on the way. Not part of the answer; whether the bytes
  /// were the right ones.
  func receiveAll(_ count: Int, _ connection: BenchConnection, _ buffers: BenchBuffers) throws -> String {
    var label = ""
    var round = 0
    try turns("\(count) bytes do not come") {
      if connection.delivered < count, round == 0 || hasEnded(label) {
        round += 1
        label = "part \(round)"
        receive(label, connection, buffers)
        hide(label)
      }
      return connection.delivered >= count
    }
    return connection.deliveredIntact ? "\(connection.delivered) bytes" : "wrong bytes"
  }

  /// A receive on something of which nobody knows the bytes.
  func receiveOnce(_ label: String, on descriptor: Int32, _ buffers: BenchBuffers) {
    begin(label, .receive(nil, buffers, showsHint: false)) {
      ring.prepareReceiveOnce(descriptor, group: buffers.group, length: 0, userData: $0)
    }
  }

  /// Sends the next bytes of the pattern.
  func send(_ label: String, _ connection: BenchConnection, _ count: Int, waitsForAll: Bool = true) {
    let start = connection.nextSend
    connection.nextSend += count
    let base = unsafe self.bytes(start, count)
    begin(label, .send(connection, start: start, count: count)) {
      let flags = Self.flags(waitsForAll)
      return unsafe ring.prepareSend(connection.descriptor, base: base, count: count, flags: flags, userData: $0)
    }
  }

  func send(_ label: String, on descriptor: Int32, _ count: Int) {
    let base = unsafe self.bytes(0, count)
    begin(label, .send(nil, start: 0, count: count)) {
      unsafe ring.prepareSend(descriptor, base: base, count: count, flags: Self.flags(true), userData: $0)
    }
  }

  /// Sends the next bytes of the pattern from several places. The header and the vectors are spoilt after the next turn
  /// has submitted them: call what is returned.
  @discardableResult
  func sendVectors(
    _ label: String,
    _ connection: BenchConnection,
    _ counts: [Int],
    waitsForAll: Bool = true
  ) -> () -> Void {
    let start = connection.nextSend
    let count = counts.reduce(0, +)
    connection.nextSend += count
    let vectors = unsafe allocate(MemoryLayout<iovec>.stride * counts.count)
      .bindMemory(to: iovec.self, capacity: counts.count)
    var offset = start
    for (index, count) in counts.enumerated() {
      let vector = unsafe iovec(iov_base: self.bytes(offset, count), iov_len: count)
      unsafe (vectors + index).initialize(to: vector)
      offset += count
    }
    let header = unsafe allocate(MemoryLayout<msghdr>.stride).bindMemory(to: msghdr.self, capacity: 1)
    unsafe header.initialize(to: msghdr())
    unsafe header.pointee.msg_iov = vectors
    unsafe header.pointee.msg_iovlen = .init(counts.count)
    begin(label, .send(connection, start: start, count: count)) {
      let flags = Self.flags(waitsForAll)
      return unsafe ring.prepareSendVector(connection.descriptor, message: header, flags: flags, userData: $0)
    }
    return {
      for index in counts.indices { unsafe vectors[index] = iovec() }
      unsafe header.pointee = unsafe msghdr()
    }
  }

  /// Turns in which the peer reads whatever comes, until the operation has ended.
  func end(_ label: String, whileReading connection: BenchConnection) throws {
    try turns("\(label) does not end") {
      try connection.drain()
      return hasEnded(label)
    }
  }

  /// Turns in which the peer reads, until it has so many bytes.
  func read(_ connection: BenchConnection, _ count: Int) throws {
    try turns("the peer does not get \(count) bytes") {
      try connection.drain()
      return connection.read >= count
    }
  }

  /// Turns in which the peer reads, until the stream ends.
  func readToTheEnd(_ connection: BenchConnection) throws {
    try turns("the peer's stream does not end") {
      try connection.drain()
      return connection.end != nil
    }
  }

  func accept(_ label: String, _ listener: Int32) {
    begin(label, .accept) { ring.prepareAcceptMultishot(listener, userData: $0) }
  }

  func acceptOnce(_ label: String, _ listener: Int32) {
    begin(label, .accept) { ring.prepareAcceptOnce(listener, userData: $0) }
  }

  func connect(_ label: String, _ descriptor: Int32, _ address: SocketAddress) {
    let (form, length) = address.kernelForm
    let storage = unsafe allocate(MemoryLayout<sockaddr_storage>.size)
    unsafe storage.storeBytes(of: form, as: sockaddr_storage.self)
    begin(label) {
      unsafe ring.prepareConnect(
        descriptor,
        address: storage.assumingMemoryBound(to: sockaddr.self),
        length: length,
        userData: $0
      )
    }
  }

  func shutdown(_ label: String, _ descriptor: Int32, _ how: Int) {
    begin(label) { ring.prepareShutdown(descriptor, how: Int32(how), userData: $0) }
  }

  /// The descriptor is the ring's to close.
  func close(_ label: String, _ descriptor: Int32) {
    givesAway(descriptor)
    begin(label) { ring.prepareClose(descriptor, userData: $0) }
  }

  func cancel(_ label: String, _ target: String) {
    let target = userData(target)
    begin(label) { ring.prepareCancel(target: target, userData: $0) }
  }

  func cancelAll(_ label: String, _ descriptor: Int32) {
    begin(label) { ring.prepareCancelAll(descriptor, userData: $0) }
  }

  func poll(_ label: String, _ descriptor: Int32, _ events: UInt32) {
    begin(label, .poll) { ring.preparePollAdd(descriptor, events: events, userData: $0) }
  }

  func readEvent(_ label: String, _ descriptor: Int32) {
    let buffer = unsafe allocate(8)
    begin(label) { unsafe ring.prepareReadEvent(descriptor, buffer: buffer, count: 8, userData: $0) }
  }

  func nothing(_ label: String) {
    begin(label) { ring.prepareNop(userData: $0) }
  }

  private func bytes(_ start: Int, _ count: Int) -> UnsafeMutableRawPointer {
    let base = unsafe allocate(count)
    // As many as were allocated.
    unsafe base.copyMemory(from: BenchConnection.pattern(start..<start + count), byteCount: count)
    return unsafe base
  }

  private static func flags(_ waitsForAll: Bool) -> Int32 {
    Int32(MSG_NOSIGNAL) | (waitsForAll ? Int32(MSG_WAITALL) : 0)
  }
}
