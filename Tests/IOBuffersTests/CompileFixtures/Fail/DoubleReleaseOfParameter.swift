// expected: 'view' consumed more than once
import IOBuffers

func fixture(_ view: consuming WriteView, _ isDone: Bool) {
  if isDone { view.release() }
  view.release()
}
