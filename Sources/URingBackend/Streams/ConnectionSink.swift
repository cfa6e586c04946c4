internal import IOBuffers

/// Memory of the user's own, for the kernel to write to. Whoever names it keeps it until it is reported as filled.
@unsafe
struct ReceiveTarget {
  var base: UnsafeMutableRawPointer
  var count: Int
}

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
  private(set) var active = 0
  private var whenEmpty: [@Sendable () -> Void] = []
  /// The server stops: connections have been told, and those that still come are told at once.
  var isStopping = false

  /// Called with what user code threw; nil: nobody wants to know.
  let onError: (@Sendable (any Error, SocketAddress?) -> Void)?

  init(budget: ConnectionBudget?, onError: (@Sendable (any Error, SocketAddress?) -> Void)? = nil) {
    self.budget = budget
    self.onError = onError
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
  /// Memory of the user's own that the next bytes are to go to; nil: a slot. Whoever changes that tells the engine
  /// (`StreamEngine.exchangeReceive`).
  func receiveTarget(_ index: Int) -> ReceiveTarget? { nil }
  /// The kernel is done with that memory, and has written so many bytes to it: none, if the receive was cancelled or ended.
  func filled(_ index: Int, _ count: Int) {}
  /// The peer ended its stream. Sending still works.
  func inputEnded(_ index: Int) {}
  /// The kernel has taken so many more bytes of what was queued. Only where the record says `reportsSent`.
  func sent(_ index: Int, _ count: Int) {}
  /// What was queued fell to the low-water mark.
  func outputDrained(_ index: Int) {}
  /// Nobody can receive any more: this side closes (then nothing is wrong, and what is queued still goes out), or the
  /// connection is broken or given up (then the record says why, and sending is over too). Told at the end of the
  /// turn, never from inside of a call of the sink.
  func ended(_ index: Int) {}
  /// The server stops: the connection should end when it is between messages.
  func stopping(_ index: Int) {}
  /// What the sink itself keeps of a connection's bytes in slots of `arena`.
  func unreadPins(_ index: Int, of arena: BufferArena) -> QueuePins { QueuePins() }
  /// Moves that out of the slots that it pins.
  func compactUnread(_ index: Int) {}
  /// The descriptor is closed and every view of the kernel's is back. The last call for this life of `index`; the record can
  /// still be read, but not be found by its name.
  func closed(_ index: Int) {}
}
