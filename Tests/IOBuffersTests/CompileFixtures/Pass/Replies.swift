// A reply after an error: what is taken leaves an empty one, so that a `catch` may go on with it.
import IOBuffers

func send(_ bytes: consuming ByteQueue) throws(BufferError) {
  throw .closed
}

func send(_ view: consuming ReadView) throws(BufferError) {
  throw .closed
}

func reply(_ arena: BufferArena) -> Int {
  var output = OutputBytes(arena: arena)
  do throws(BufferError) {
    try output.append("HTTP/1.1 200 OK\r\n")
    try send(output.finish())
  } catch {
    try? output.append("HTTP/1.1 500 Internal Server Error\r\n")
  }
  return output.count
}

func replyInBuffer(_ arena: BufferArena) throws(BufferError) -> Int {
  var buffer = try arena.allocate(minimumCapacity: 64)
  do throws(BufferError) {
    try buffer.append(utf8: "200")
    try send(try buffer.take().finish())
  } catch {
    try buffer.append(utf8: "500")
  }
  return buffer.count
}

struct Writer: ~Copyable {
  var output: OutputBytes

  mutating func chunk(_ body: consuming ReadView) throws(BufferError) -> ByteQueue {
    try output.append(hexadecimal: body.count)
    try output.append("\r\n")
    output.append(body)
    try output.append("\r\n")
    return output.finish()
  }
}
