// expected: 'view' is borrowed and cannot be consumed
import IOBuffers

func fixture(_ view: borrowing ReadView) {
  view.release()
}
