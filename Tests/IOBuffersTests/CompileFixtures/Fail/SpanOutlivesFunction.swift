// expected: lifetime-dependent value escapes its scope
import IOBuffers

@_lifetime(borrow buffer)
func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) -> RawSpan {
  let view = try buffer.readView()
  return view.bytes
}
