import Glibc
import Synchronization

/// The date of a response (RFC 9110, 5.6.7), made once a second. Any thread.
final class HTTPDate: Sendable {
  private let last = Mutex((second: -1, text: ""))

  func now() -> String {
    var now = timespec()
    // Lives until it returns, and there is this clock.
    unsafe clock_gettime(CLOCK_REALTIME_COARSE, &now)
    let second = Int(now.tv_sec)
    return last.withLock { last in
      if last.second != second { last = (second, Self.text(second)) }
      return last.text
    }
  }

  /// Of seconds since the beginning of 1970, which were not negative.
  static func text(_ second: Int) -> String {
    var (day, year) = (second / 86_400, 1970)
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][day % 7]
    while day >= days(year) {
      day -= days(year)
      year += 1
    }
    var month = 0
    while day >= days(month, of: year) {
      day -= days(month, of: year)
      month += 1
    }
    let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month]
    let time = "\(two(second / 3600 % 24)):\(two(second / 60 % 60)):\(two(second % 60))"
    return "\(weekday), \(two(day + 1)) \(name) \(year) \(time) GMT"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func days(_ year: Int) -> Int { isLeap(year) ? 366 : 365 }

  private static func days(_ month: Int, of year: Int) -> Int {
    month == 1 && isLeap(year) ? 29 : [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
  }
}
