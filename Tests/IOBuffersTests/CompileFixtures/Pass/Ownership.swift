// Passing owners and views on: to functions, tasks, collections of boxes, and threads.
import IOBuffers

struct Message: ~Copyable {
  var header: ReadView
  var body: ReadView

  consuming func takeBody() -> ReadView {
    header.release()
    return body
  }
}

func cut(_ view: consuming ReadView, at offset: Int) throws(BufferError) -> Message {
  let body = try view.split(at: offset)
  return Message(header: view, body: body)
}

func build(_ arena: BufferArena) throws(BufferError) -> ReadView {
  var buffer = try arena.allocate(minimumCapacity: 64)
  try buffer.append(7 as UInt32)
  try buffer.append(contentsOf: [1, 2, 3])
  return try buffer.finish()
}

func optional(_ arena: BufferArena) throws(BufferError) -> Int {
  var pending: ReadView? = try build(arena)
  if let view = pending.take() {
    let count = view.count
    view.release()
    return count
  }
  return 0
}

func parts(_ view: consuming WriteView) throws(BufferError) -> ReadView {
  let rest = try view.split(at: 1)
  rest.release()
  try view.store(1 as UInt8, at: 0)
  return view.freeze()
}

func conditional(_ view: consuming ReadView, _ keep: Bool) -> ReadView? {
  if keep { return view }
  view.release()
  return nil
}

actor Keeper {
  private var view: ReadView?

  func keep(_ view: consuming ReadView) {
    self.view = consume view
  }

  func release() {
    view.take()?.release()
  }
}

func concurrently(_ arena: BufferArena) async throws -> Int {
  let task = Task {
    var buffer = try await arena.allocateWhenAvailable(minimumCapacity: 1)
    try await buffer.resizeWhenUnlocked(to: 5)
    return buffer.count
  }
  return try await task.value
}
