// expected: 'buffer' used after consume
import IOBuffers

func fixture(_ arena: BufferArena) throws(BufferError) -> Int {
  let buffer = try arena.allocate(minimumCapacity: 1)
  let copy = buffer
  return buffer.count + copy.count
}
