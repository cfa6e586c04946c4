import Glibc

/// How late the kernel may let a thread's timers be.
enum TimerSlack {
  /// Sets the calling thread's to one nanosecond; false when the kernel refuses.
  ///
  /// The default of 50 microseconds lets the kernel join wake-ups, and would make every message of an open loop that
  /// late. prctl(2) has a call for it too, but a variadic one, which Swift cannot call; see proc(5).
  static func minimize() -> Bool {
    guard let thread = currentThread else { return false }
    let file = unsafe open("/proc/\(thread)/timerslack_ns", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    let text: StaticString = "1"
    return unsafe write(file, text.utf8Start, text.utf8CodeUnitCount) == text.utf8CodeUnitCount
  }

  /// The kernel's number of the calling thread: the last part of what /proc/thread-self points at.
  private static var currentThread: Int? {
    var target = [CChar](repeating: 0, count: 64)
    let length = unsafe readlink("/proc/thread-self", &target, target.count)
    let text = target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
    return String(decoding: text, as: UTF8.self).split(separator: "/").last.flatMap { Int($0) }
  }
}
