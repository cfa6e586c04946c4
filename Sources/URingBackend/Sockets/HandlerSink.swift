internal import IOBuffers
internal import Logging

/// Serves connections with synchronous handlers, one value each, in a slab: no allocation and no existential on the way.
@safe
final class HandlerSink<Handler: ConnectionHandler>: ConnectionSink, @unchecked Sendable {
  private let engine: Unmanaged<TCPEngine>
  private let make: @Sendable () throws -> Handler
  private let handlers = HandlerTable<Handler>()

  /// - Parameter engine: outlives this sink's last connection.
  init(
    engine: TCPEngine,
    budget: ConnectionBudget?,
    make: @escaping @Sendable () throws -> Handler
  ) {
    unsafe self.engine = Unmanaged.passUnretained(engine)
    self.make = make
    super.init(budget: budget)
  }

  override func opened(_ index: Int) {
    attempt(index) {
      handlers.insert(try make(), at: index)
      try handlers[index].opened(context(index))
    }
  }

  override func received(_ index: Int, _ view: DetachedView) {
    let view = ReadView(view)
    do {
      try handlers[index].received(view, on: context(index))
    } catch {
      failed(index, error)
    }
  }

  override func inputEnded(_ index: Int) {
    // A connection that is being aborted needs no goodbye of its handler; `closed` tells it.
    guard unsafe !engine._withUnsafeGuaranteedRef({ $0.records[index].machine.flags.contains(.aborting) }) else {
      return
    }
    attempt(index) { try handlers[index].inputEnded(context(index)) }
  }

  override func outputDrained(_ index: Int) {
    attempt(index) { try handlers[index].outputDrained(context(index)) }
  }

  override func outputFailed(_ index: Int) {
    // Nothing that the handler could still do would reach the peer.
    unsafe engine._withUnsafeGuaranteedRef { $0.abort(index, .closed) }
  }

  override func closed(_ index: Int) {
    let error = unsafe engine._withUnsafeGuaranteedRef { engine -> SocketError? in
      engine.records[index].failure == nil ? nil : engine.records[index].error(or: .closed, .close)
    }
    if var handler = handlers.remove(at: index) { handler.closed(error) }
  }

  private func context(_ index: Int) -> ConnectionContext {
    unsafe ConnectionContext(engine: engine, index: index)
  }

  @inline(__always)
  private func attempt(_ index: Int, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      failed(index, error)
    }
  }

  private func failed(_ index: Int, _ error: any Error) {
    unsafe engine._withUnsafeGuaranteedRef { engine in
      engine.counters.handlerErrors.bump()
      engine.loop.logger?.debug(
        "a handler threw; its connection is closed",
        metadata: ["peer": "\(engine.records[index].peer.map(\.description) ?? "?")", "error": "\(error)"]
      )
      engine.abort(index, .closed)
    }
  }
}
