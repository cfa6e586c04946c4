// expected: 'ReadView' initializer is inaccessible
// expected: 'slot' is inaccessible
import IOBuffers

func fixture(_ view: consuming ReadView, _ memory: UnsafeMutableRawPointer) -> ReadView {
  unsafe ReadView(adopting: view.slot, memory, 1, 0)
}
