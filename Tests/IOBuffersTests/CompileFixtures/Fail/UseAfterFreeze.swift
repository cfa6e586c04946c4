// expected: 'writer' used after consume
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) {
  var writer = try buffer.writeView()
  let reader = writer.freeze()
  try writer.store(1 as UInt8, at: 0)
  reader.release()
}
