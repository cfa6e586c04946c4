// expected: noncopyable 'view' cannot be consumed when captured by an escaping closure
import IOBuffers

func fixture(_ view: consuming ReadView) -> Task<Void, Never> {
  Task { view.release() }
}
