// package
// expected: 'view' used after consume
import IOBuffers

func fixture(_ view: consuming ReadView) -> Int {
  let detached = view.detach()
  detached.releaseReader()
  return view.count
}
