// expected: lifetime-dependent variable 'span' escapes its scope
import IOBuffers

func fixture(_ a: consuming WriteView, _ b: consuming WriteView) -> Int {
  var span = b.bytes
  a.withBytes { span = $0 }
  a.release()
  return span.byteCount
}
