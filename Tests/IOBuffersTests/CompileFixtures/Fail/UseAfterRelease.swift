// expected: 'view' used after consume
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) -> Int {
  let view = try buffer.readView()
  view.release()
  return view.count
}
