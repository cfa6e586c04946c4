import Testing

@testable @_spi(Bridging) import IOBuffers

/// Memory that objects keep is lent for reading, and its owners are kept so long and no longer.
@Suite struct PinnedMemoryTests {
  private final class Count: Sendable {
    private let count = Guarded(0)
    var value: Int { count.withLock { $0 } }
    func increase() { count.withLock { $0 += 1 } }
  }

  @safe
  private final class Storage {
    // Allocated by `init`, given back by `deinit`.
    let bytes: UnsafeMutableRawBufferPointer
    let gone: Count

    init(_ text: String, _ gone: Count) {
      unsafe bytes = .allocate(byteCount: text.utf8.count, alignment: 1)
      unsafe bytes.copyBytes(from: Array(text.utf8))
      self.gone = gone
    }

    deinit {
      unsafe bytes.deallocate()
      gone.increase()
    }
  }

  private func copied(_ view: borrowing ReadView) -> [UInt8] {
    view.withBytes { span in (0..<span.byteCount).map { span[checked: $0] } }
  }

  private func pin(_ text: String, _ memory: PinnedMemory, _ gone: Count) throws -> ReadView {
    let storage = Storage(text, gone)
    // The storage keeps them, and nobody writes.
    let view = unsafe memory.view(of: UnsafeRawBufferPointer(storage.bytes), keeping: storage)
    guard let view else { throw BufferError.closed }
    return view
  }

  @Test func aViewKeepsTheOwnerOfItsBytes() throws {
    let gone = Count()
    let memory = PinnedMemory()
    let view = try pin("hello", memory, gone)
    let other = try view.share()
    #expect(copied(view) == Array("hello".utf8) && gone.value == 0)
    view.release()
    #expect(copied(other) == Array("hello".utf8) && gone.value == 0)
    other.release()
    #expect(gone.value == 1)
  }

  @Test func headersAreUsedAgainAndViewsOutliveThePool() throws {
    let gone = Count()
    var memory: PinnedMemory? = PinnedMemory()
    var views = ByteQueue()
    for round in 0..<100 {
      let pool = try #require(memory)
      views.append(try pin("round \(round);", pool, gone))
      if round % 3 == 2 { views.removeAll() }
    }
    #expect(gone.value == 99)
    memory = nil
    guard let last = views.popFirst() else { throw BufferError.closed }
    #expect(copied(last) == Array("round 99;".utf8) && gone.value == 99)
    last.release()
    #expect(gone.value == 100 && memory == nil)
  }

  @Test func noBytesAreNoView() {
    let memory = PinnedMemory()
    let none = unsafe memory.view(of: UnsafeRawBufferPointer(start: nil, count: 0), keeping: Storage("x", Count()))
    let isNone = none == nil
    #expect(isNone)
  }
}
