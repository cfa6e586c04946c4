// expected: value of type 'ReadView' has no member 'freeze'
import IOBuffers

func fixture(_ view: consuming ReadView) -> ReadView {
  view.freeze()
}
