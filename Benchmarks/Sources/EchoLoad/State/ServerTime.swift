import Glibc

/// The processor's time that another process has used. See proc(5).
enum ServerTime {
  /// Seconds, user and system, of all threads; nil when there is no such process. In clock ticks, usually 10 ms.
  static func seconds(of process: Int32) -> Double? {
    let file = unsafe open("/proc/\(process)/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = unsafe read(file, &bytes, bytes.count)
    let ticks = sysconf(Int32(_SC_CLK_TCK))
    guard count > 0, ticks > 0 else { return nil }
    return self.ticks(in: bytes.prefix(count)).map { $0 / Double(ticks) }
  }

  /// The 14th and the 15th field. The second one, the name, may hold spaces and parentheses: what counts is behind it.
  static func ticks(in line: some BidirectionalCollection<UInt8>) -> Double? {
    guard let end = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = String(decoding: line[line.index(after: end)...], as: UTF8.self).split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
    return user + system
  }
}
