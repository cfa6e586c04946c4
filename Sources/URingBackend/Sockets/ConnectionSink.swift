internal import IOBuffers

/// Where the events of connections go. One instance serves many connections; `index` says which.
///
/// A base class with two subclasses: handlers (`HandlerSink`) and tasks (`AsyncSink`). All calls come on the loop's
/// thread, and nothing that a sink does submits at once: it only marks the connection, which settles before the next
/// `enter`. So a sink may call back into the engine at any point.
class ConnectionSink: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// The server's connection limit, of which each open connection holds one place.
  let budget: ConnectionBudget?
  /// Connections that are open, and tasks that still run for one.
  private var active = 0
  private var whenEmpty: [@Sendable () -> Void] = []

  init(budget: ConnectionBudget?) {
    self.budget = budget
  }

  /// Something of this sink began that `whenEmpty` must wait for.
  func begin() {
    active += 1
  }

  /// … and is over.
  func end() {
    active -= 1
    guard active == 0 else { return }
    let bodies = whenEmpty
    whenEmpty = []
    for body in bodies { body() }
  }

  /// Calls `body` once when nothing of this sink is left: at once if that is so.
  func whenEmpty(_ body: @escaping @Sendable () -> Void) {
    if active == 0 { body() } else { whenEmpty.append(body) }
  }

  /// The connection stands; its peer is known.
  func opened(_ index: Int) {}
  /// Bytes arrived. The sink owns the reader.
  func received(_ index: Int, _ view: DetachedView) { view.releaseReader() }
  /// No more bytes will come: the peer ended its stream, or reading failed (then the record says why).
  func inputEnded(_ index: Int) {}
  /// What was queued fell to the low-water mark.
  func outputDrained(_ index: Int) {}
  /// Sending is over, because it failed or the connection is being aborted.
  func outputFailed(_ index: Int) {}
  /// The user's side is told to stop: cancels what runs for a connection.
  func cancel(_ index: Int) {}
  /// The descriptor is closed and every view of the kernel's is back. The last call for this life of `index`.
  func closed(_ index: Int) {}
}
