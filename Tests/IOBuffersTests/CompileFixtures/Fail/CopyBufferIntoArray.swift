// expected: requires that 'PooledBuffer' conform to 'Copyable'
import IOBuffers

func fixture(_ arena: BufferArena) throws(BufferError) -> Int {
  let buffer = try arena.allocate(minimumCapacity: 1)
  return [buffer].count
}
