/// The classes that errors are counted by.
enum ErrorKind: String, CaseIterable {
  case refused
  case reset
  case timedOut = "timed out"
  case unexpectedEnd = "unexpected end"
  case wrongBytes = "wrong bytes"
  case tooManyBytes = "too many bytes"
  case noProgress = "no progress"
  case noPorts = "no free ports"
  case noDescriptors = "no free descriptors"
  case setup
  case other
}
