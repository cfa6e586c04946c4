// expected: lifetime-dependent variable 'escaped' escapes its scope
import IOBuffers

func fixture(_ view: borrowing ReadView) -> Int {
  var escaped = RawSpan()
  view.withBytes { escaped = $0 }
  return escaped.byteCount
}
