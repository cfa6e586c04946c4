// expected: requires that 'RawSpan' conform to 'Escapable'
import IOBuffers

func fixture(_ view: borrowing ReadView) -> Int {
  let escaped: RawSpan = view.withBytes { $0 }
  return escaped.byteCount
}
