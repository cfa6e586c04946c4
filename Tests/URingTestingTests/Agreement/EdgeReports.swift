import Glibc
import URingBackend

/// Edge-triggered epoll of the real kernel. Swift's import of the C library leaves it out, so its functions are looked up.
@safe
final class EdgeReports {
  private typealias Create = @convention(c) (Int32) -> Int32
  private typealias Control = @convention(c) (Int32, Int32, Int32, UnsafeMutableRawPointer?) -> Int32
  private typealias Wait = @convention(c) (Int32, UnsafeMutableRawPointer?, Int32, Int32) -> Int32

  // struct epoll_event: 32 bits of events, 64 bits of the user's; packed on x86-64 only.
  #if arch(x86_64)
    private static let dataOffset = 4
  #else
    private static let dataOffset = 8
  #endif
  private static let eventSize = dataOffset + 8

  private let instance: Int32
  private let control: Control
  private let wait: Wait

  init?() {
    guard let create = unsafe dlsym(nil, "epoll_create1"), let control = unsafe dlsym(nil, "epoll_ctl"),
      let wait = unsafe dlsym(nil, "epoll_wait")
    else { return nil }
    // The symbols are the functions of these names, whose signatures epoll(7) has.
    instance = unsafe unsafeBitCast(create, to: Create.self)(0)
    unsafe self.control = unsafeBitCast(control, to: Control.self)
    unsafe self.wait = unsafeBitCast(wait, to: Wait.self)
    guard instance >= 0 else { return nil }
  }

  deinit { _ = close(instance) }

  /// EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on a descriptor that comes back as `name`.
  func watch(_ descriptor: Int32, as name: Int) {
    var event = [UInt8](repeating: 0, count: EdgeReports.eventSize)
    unsafe event.withUnsafeMutableBytes { event in
      // An event's two fields, at their places.
      unsafe event.storeBytes(of: PollMask.asked.rawValue | 1 << 31, as: UInt32.self)
      unsafe event.storeBytes(of: UInt64(name), toByteOffset: EdgeReports.dataOffset, as: UInt64.self)
      _ = unsafe control(instance, 1, descriptor, event.baseAddress)
    }
  }

  /// What was reported since the last call, by name.
  func take() -> [Int: PollMask] {
    var events = [UInt8](repeating: 0, count: 8 * EdgeReports.eventSize)
    return unsafe events.withUnsafeMutableBytes { events in
      // Room for eight events, and the call is told so.
      let count = unsafe wait(instance, events.baseAddress, 8, 0)
      var reports: [Int: PollMask] = [:]
      for index in 0..<max(0, Int(count)) {
        let offset = index * EdgeReports.eventSize
        let mask = unsafe events.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let name = unsafe events.loadUnaligned(fromByteOffset: offset + EdgeReports.dataOffset, as: UInt64.self)
        reports[Int(name)] = PollMask(rawValue: mask)
      }
      return reports
    }
  }
}

extension PollMask {
  /// What a report of these says.
  var readiness: Readiness {
    var readiness: Readiness = []
    if !isDisjoint(with: [.input, .failure, .hungUp]) { readiness.insert(.input) }
    if !isDisjoint(with: [.output, .failure, .hungUp]) { readiness.insert(.output) }
    if !isDisjoint(with: [.peerHungUp, .failure]) { readiness.insert(.inputEnds) }
    return readiness
  }
}
