// package
// Views without a destructor, for storage in structs that are copied.
import IOBuffers

struct Operation {
  var view: DetachedView
  var isReader: Bool
}

func store(_ view: consuming ReadView) -> [Operation] {
  [Operation(view: view.detach(), isReader: true)]
}

func restore(_ operations: [Operation]) {
  for operation in operations where operation.isReader {
    let view = ReadView(operation.view)
    view.release()
  }
}
