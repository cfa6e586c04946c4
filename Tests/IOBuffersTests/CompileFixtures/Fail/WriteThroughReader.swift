// expected: value of type 'ReadView' has no member 'unsafeMutableBytes'
import IOBuffers

func fixture(_ view: consuming ReadView) -> Int {
  view.unsafeMutableBytes.byteCount
}
