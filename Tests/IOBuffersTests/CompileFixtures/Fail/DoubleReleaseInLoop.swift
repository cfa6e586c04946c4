// expected: 'view' consumed in a loop
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) {
  let view = try buffer.readView()
  for _ in 0..<2 { view.release() }
}
