// expected: value of type 'ReadView' has no member 'mutableBytes'
import IOBuffers

func fixture(_ view: consuming ReadView) -> Int {
  view.mutableBytes.byteCount
}
