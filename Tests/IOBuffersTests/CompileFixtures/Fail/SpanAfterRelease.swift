// expected: overlapping accesses to 'view'
// expected: 'view' used after consume
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) -> Int {
  var view = try buffer.readView()
  try view.removePrefix(0)
  let span = view.bytes
  view.release()
  return span.byteCount
}
