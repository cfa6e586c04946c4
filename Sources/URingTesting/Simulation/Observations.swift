internal import URingBackend

/// What user code saw, and whether that can be true.
final class Observations: @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop.
  private(set) var failures: [String] = []
  private(set) var opened = 0
  private(set) var closed = 0
  /// Connections that ended with an error.
  private(set) var broken = 0
  /// Errors that user code threw on purpose.
  var thrown = 0

  func open() { opened += 1 }

  func close(_ error: SocketError?) {
    closed += 1
    if error != nil { broken += 1 }
    check(closed <= opened, "more connections were closed than opened")
  }

  func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition, failures.count < 16 { failures.append(message()) }
  }
}
