// expected: lifetime-dependent variable 'span' escapes its scope
import IOBuffers

func fixture(_ span: inout RawSpan, _ view: consuming ReadView) {
  span = view.bytes
}
