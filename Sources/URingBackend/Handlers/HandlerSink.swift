internal import IOBuffers
internal import Logging

/// Serves connections with synchronous handlers, one value each, in a slab: no allocation and no existential on the way.
@safe
final class HandlerSink<Handler: ConnectionHandler & ~Copyable>: ConnectionSink, @unchecked Sendable {
  private let engine: Unmanaged<StreamEngine>
  private let make: @Sendable () throws -> Handler
  private let handlers = HandlerTable<Handler>()

  /// - Parameter engine: outlives this sink's last connection.
  init(
    engine: StreamEngine,
    budget: ConnectionBudget?,
    onError: (@Sendable (any Error, SocketAddress?) -> Void)? = nil,
    make: @escaping @Sendable () throws -> Handler
  ) {
    // Not counted per message; every connection of this sink is gone before its engine.
    unsafe self.engine = Unmanaged.passUnretained(engine)
    self.make = make
    super.init(budget: budget, onError: onError)
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
    attempt(index) { try handlers[index].inputEnded(context(index)) }
  }

  override func stopping(_ index: Int) {
    attempt(index) { try handlers[index].stopping(context(index)) }
  }

  override func outputDrained(_ index: Int) {
    attempt(index) { try handlers[index].outputDrained(context(index)) }
  }

  override func ended(_ index: Int) {
    // Nothing that the handler could still do would reach the peer; `closed` tells it why.
    // Called while a connection of this sink is open, and the engine outlives those. So below.
    unsafe engine._withUnsafeGuaranteedRef { engine in
      if engine.records[index].machine.flags.contains(.broken) { engine.abort(index, .closed) }
    }
  }

  override func closed(_ index: Int) {
    let error = unsafe engine._withUnsafeGuaranteedRef { engine -> SocketError? in
      if let error = engine.relayError(index) { return error }
      return engine.records[index].failure == nil ? nil : engine.records[index].error(or: .closed, .close)
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
      engine.report(error, of: index, to: onError)
      engine.abort(index, .closed)
    }
  }
}
