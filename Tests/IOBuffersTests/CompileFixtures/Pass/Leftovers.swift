// Keeping a rest for the next call, and taking and replacing, in structs that cannot be copied.
import IOBuffers

struct Handler: ~Copyable {
  private var rest = ByteQueue()
  private var pending: ReadView?
  private var lines = 0

  var hasMore: Bool { !rest.isEmpty }

  // Keep a rest for the next call: the queue is the rest.
  mutating func received(_ view: consuming ReadView) throws(BufferError) {
    rest.append(view)
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = try rest.takePrefix(end)
      try rest.removePrefix(1)
      handle(line)
    }
  }

  // Take and replace: all that is there, and an empty queue stays.
  mutating func stop() -> ByteQueue {
    rest.take()
  }

  mutating func replace(_ view: consuming ReadView) -> ReadView? {
    let old = pending.take()
    pending = consume view
    return old
  }

  private mutating func handle(_ line: consuming ByteQueue) {
    lines += line.isEmpty ? 0 : 1
  }
}

func handle(_ arena: BufferArena) throws(BufferError) -> Int {
  var handler = Handler()
  var buffer = try arena.allocate(minimumCapacity: 16)
  try buffer.append(utf8: "a\nb")
  try handler.received(try buffer.finish())
  return handler.hasMore ? handler.stop().count : 0
}
