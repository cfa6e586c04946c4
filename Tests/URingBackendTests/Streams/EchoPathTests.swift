import CLiburing
import IOBuffers
import Testing

@testable import URingBackend

/// The bytes of an echo never move: the address that the kernel received at is the address that it sends from.
struct EchoPathTests {
  @Test func whatAHandlerPassesOnIsSentFromWhereItWasReceived() throws {
    let bench = try ScriptedEngine()
    let group = bench.engine.buffers.group
    let sink = HandlerSink(engine: bench.engine, budget: nil) { EchoHandler() }
    let settings = ConnectionSettings(ConnectionLimits(), isHandled: true)
    let index = try #require(bench.engine.open(1_000_000, sink: sink, settings: settings))
    try bench.turn()

    let slot = try #require(bench.driver.groups[group]?.posted.first)
    var offset = 0
    for count in [64, 1, 5000] {
      let bytes = Pattern(seed: count).bytes(count: count)
      bench.deliver(bytes, to: index)
      try bench.turn()
      let sends = try bench.turn().filter { OperationID(rawValue: $0.userData).kind == .send }
      #expect(sends.map(\.address) == [slot.address + UInt64(offset)])
      #expect(sends.first?.sentBytes == bytes)
      bench.complete(.send, of: index, Int32(count))
      try bench.turn()
      offset += count
    }
    #expect(bench.loop.statistics.bytesCopied == 0)
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// What a task receives goes through the same `send`; here without the task.
  @Test func oneReceivedMessageIsSentToManyFromOnePlace() throws {
    let bench = try ScriptedEngine()
    bench.sink.keepsViews = true
    let group = bench.engine.buffers.group
    let connections = try (0..<20).map { _ in try bench.open() }
    try bench.turn()
    let slot = try #require(bench.driver.groups[group]?.posted.first)
    bench.deliver(Array(repeating: 7, count: 100), to: connections[0])
    try bench.turn()
    let view = try #require(bench.sink.first)
    for index in connections {
      let share = try #require(view.shareReader())
      #expect(bench.engine.send(share, on: index) == .queued)
    }
    let sends = try bench.turn().filter { OperationID(rawValue: $0.userData).kind == .send }
    #expect(sends.count == connections.count)
    #expect(sends.allSatisfy { $0.address == slot.address && $0.length == 100 })
    for index in connections { bench.complete(.send, of: index, 100) }
    try bench.turn()
    #expect(bench.loop.statistics.bytesCopied == 0)
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }
}
