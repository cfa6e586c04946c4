import CLiburing
import IOBuffers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a ring remembers in order to find broken rules.
struct RuleMemory {
  /// A receive that met an empty ring.
  struct EmptyRing {
    var group: UInt16
    var tail: UInt16
    var times = 0
  }

  /// By descriptor.
  var metEmpty: [Int32: EmptyRing] = [:]
  /// What zero-copy sends may still read, by their user data.
  var readings: [UInt64: [BufferGroup.Buffer]] = [:]

  /// Whether one of them may still read a part of this.
  func isRead(_ buffer: BufferGroup.Buffer) -> Bool {
    readings.values.contains { $0.contains { $0.overlaps(buffer) } }
  }
}

/// Looks whether the program keeps the rules. Compiled away where the system does not ask for it.
extension UserSpaceRing {
  /// So often may a receive meet a ring that was empty the last time, and to which nothing was posted since: a program may
  /// find out by trying, but must not go on with it.
  private static var emptyLimit: Int { 3 }

  /// Before an operation is begun.
  @inline(__always)
  func checkRules(_ operation: borrowing Operation, _ state: UnsafeMutablePointer<DescriptorState>) {
    guard System.checksRules else { return }
    switch operation.kind {
    case .receive where unsafe state.pointee.input != OperationTable.none,
      .receiveInto where unsafe state.pointee.input != OperationTable.none:
      system.note(broken: .twoReceives, operation.descriptor)
    case .send where unsafe state.pointee.output != OperationTable.none,
      .sendVector where unsafe state.pointee.output != OperationTable.none:
      system.note(broken: .twoSends, operation.descriptor)
    default: break
    }
  }

  /// A receive has found a group empty.
  @inline(__always)
  mutating func noteEmpty(_ operation: borrowing Operation) {
    guard System.checksRules, groups.first(operation.group) == nil else { return }
    let group = operation.group
    let tail = groups.tail(group)
    var met = RuleMemory.EmptyRing(group: group, tail: tail)
    if let last = rules.metEmpty[operation.descriptor], last.group == group, last.tail == tail { met = last }
    met.times += 1
    rules.metEmpty[operation.descriptor] = met
    if met.times > Self.emptyLimit { system.note(broken: .armsOnEmptyRing, operation.descriptor) }
  }

  /// Looks at what was posted since the last time, and spoils its bytes: whoever still reads them reads something else.
  @inline(__always)
  mutating func checkPosted() {
    guard System.checksRules else { return }
    for id in 0..<groups.limit {
      while let buffer = groups.nextPosted(id) {
        if groups.overlaps(buffer, exceptLastOf: id) { system.note(broken: .postedTwice, -1) }
        if rules.isRead(buffer) { system.note(broken: .postsMemoryBeingSent, -1) }
        // Posted memory is the kernel's, which is us. The sanitizer would not believe it.
        if !isSanitized { unsafe memset(buffer.base, 0xDB, buffer.count) }
      }
    }
  }

  /// What is sent must not be the kernel's to write to.
  @inline(__always)
  mutating func checkSent(_ operation: borrowing Operation, _ base: UnsafeRawPointer?, _ count: Int) {
    guard System.checksRules, count > 0, let base = unsafe base else { return }
    checkPosted()
    let part = unsafe BufferGroup.Buffer(base: UnsafeMutableRawPointer(mutating: base), count: count)
    if groups.overlaps(part, exceptLastOf: nil) { system.note(broken: .sendsPostedMemory, operation.descriptor) }
  }

  /// The same for what a header names.
  @inline(__always)
  mutating func checkSent(_ operation: borrowing Operation, _ message: UnsafePointer<msghdr>) {
    guard System.checksRules else { return }
    // The caller's header names `msg_iovlen` parts.
    for index in unsafe 0..<Int(message.pointee.msg_iovlen) {
      guard let part = unsafe message.pointee.msg_iov?[index] else { return }
      unsafe checkSent(operation, part.iov_base.map { UnsafeRawPointer($0) }, part.iov_len)
    }
  }
}
