// expected: cannot use mutating member on immutable value: 'buffer' is a 'let' constant
import IOBuffers

func fixture(_ arena: BufferArena) throws(BufferError) {
  let buffer = try arena.allocate(minimumCapacity: 1)
  try buffer.resize(to: 1)
}
