// expected: 'detach' is inaccessible due to 'package' protection level
import IOBuffers

func fixture(_ view: consuming ReadView) {
  _ = view.detach()
}
