// expected: lifetime-dependent variable 'span' escapes its scope
import IOBuffers

func fixture(_ queue: borrowing ByteQueue, _ other: borrowing ReadView) -> Int {
  var span = other.bytes
  queue.withFirstBytes { span = $0 }
  return span.byteCount
}
