// expected: overlapping accesses to 'view'
import IOBuffers

func fixture(_ buffer: borrowing PooledBuffer) throws(BufferError) {
  var view = try buffer.writeView()
  var span = unsafe view.unsafeMutableBytes
  let rest = try view.split(at: 1)
  span.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self)
  rest.release()
}
