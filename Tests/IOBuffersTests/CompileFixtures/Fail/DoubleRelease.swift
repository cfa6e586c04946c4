// expected: 'view' consumed more than once
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) {
  let view = try buffer.readView()
  view.release()
  view.release()
}
