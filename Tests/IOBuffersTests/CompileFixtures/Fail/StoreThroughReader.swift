// expected: cannot assign through subscript: subscript is get-only
import IOBuffers

func fixture(_ view: consuming ReadView) {
  view[0] = 1
}
