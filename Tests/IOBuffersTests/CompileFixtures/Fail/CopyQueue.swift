// expected: 'queue' used after consume
import IOBuffers

func fixture(_ queue: consuming ByteQueue) -> Int {
  let other = queue
  return queue.count + other.count
}
