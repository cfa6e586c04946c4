// expected: lifetime-dependent variable 'span' escapes its scope
import IOBuffers

func fixture(_ a: consuming ReadView, _ other: consuming ReadView, _ isLate: Bool) -> Int {
  var span = a.bytes
  if isLate { span = other.bytes }
  other.release()
  return span.byteCount
}
