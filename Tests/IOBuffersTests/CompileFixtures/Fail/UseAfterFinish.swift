// expected: 'buffer' used after consume
import IOBuffers

func fixture(_ arena: BufferArena) throws(BufferError) {
  var buffer = try arena.allocate(minimumCapacity: 1)
  let view = try buffer.finish()
  try buffer.append(1 as UInt8)
  view.release()
}
