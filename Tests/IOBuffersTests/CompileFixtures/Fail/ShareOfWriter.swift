// expected: value of type 'WriteView' has no member 'share'
import IOBuffers

func fixture(_ view: borrowing WriteView) throws(BufferError) -> WriteView {
  try view.share()
}
