// expected: overlapping accesses to 'view'
import IOBuffers

func fixture(_ view: consuming WriteView) -> Int {
  let span = view.bytes
  view[0] = 1
  return span.byteCount
}
