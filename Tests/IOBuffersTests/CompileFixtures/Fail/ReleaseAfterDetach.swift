// package
// expected: 'view' consumed more than once
import IOBuffers

func fixture(_ view: consuming WriteView) -> DetachedView {
  let detached = view.detach()
  view.release()
  return detached
}
