/// A submission of a scenario, and what came of it.
struct BenchOperation {
  // Why safe: a pointer is the bench's memory, which stays until the scenario is over.
  @safe
  enum Kind {
    case receive(BenchConnection?, BenchBuffers, showsHint: Bool)
    /// Into memory of the bench's.
    case receiveInto(BenchConnection, UnsafeMutableRawPointer)
    case send(BenchConnection?, start: Int, count: Int)
    /// Datagrams behind their headers, with so many bytes for the name and for control messages.
    case messages(BenchBuffers, name: Int, control: Int)
    case accept
    case poll
    case other
  }

  let label: String
  let kind: Kind
  /// Its completions are part of the answer. Those of operations that differ from run to run are not.
  var isShown = true
  var lines: [String] = []
  var hasEnded = false
}
