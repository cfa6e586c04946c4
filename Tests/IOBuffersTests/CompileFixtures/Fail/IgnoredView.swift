// expected: is unused
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) {
  try buffer.readView()
}
