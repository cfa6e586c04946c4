internal import IOBuffers

/// A range of a file that is to be sent on a connection, behind what was queued before, and what was queued after it.
///
/// Loop thread only.
final class FileSend: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// What its turn has come to.
  enum State {
    /// It is not its turn, or it is about to go on.
    case idle
    /// Room in the socket is polled for.
    case polling
    /// Its bytes are being read into a slot: the name of the operation, and which read it is.
    case reading(UInt32, number: UInt64)
    /// It stands in line for a slot to read into, and holds none.
    case awaitingSlot
  }

  /// How it ended.
  enum End: Sendable {
    /// All of it is with the kernel, or queued in memory.
    case done
    case failed(FileError)
    /// The connection ended before.
    case broken(SocketError)
  }

  let file: File
  let connection: ConnectionID
  /// Where it began.
  let start: Int
  /// What goes out next.
  var offset: Int
  let end: Int
  /// What was queued after it.
  var behind = ViewQueue()
  /// The file that was queued after that.
  var next = FileSends.none
  var state = State.idle
  /// The file's system cannot send from its cache: everything is read.
  var mustRead = false
  /// Called once with how it ended, on the loop's thread. Nil: nobody waits for it, so whoever sent it learns of a failure by the
  /// end of the connection.
  var completion: ((End, _ sent: Int) -> Void)?

  init(
    _ file: File,
    _ range: Range<Int>,
    on connection: ConnectionID,
    completion: ((End, _ sent: Int) -> Void)?
  ) {
    self.file = file
    self.connection = connection
    start = range.lowerBound
    offset = range.lowerBound
    end = range.upperBound
    self.completion = completion
  }

  /// Bytes that are still to be sent.
  var left: Int { end - offset }
}

/// The files that connections of one loop send, by the names that records and files have for each other. Loop thread only.
final class FileSends {
  /// No file has this name.
  static let none = UInt32.max

  private var sends: [FileSend?] = []
  private var free: [UInt32] = []
  /// Those that wait for a slot, first come, first served.
  var line: [FileSend] = []
  /// The arena will tell when there is one.
  var isNotified = false
  /// The size of the slots that files are read into, once that has been found out.
  var slotBytes = 0
  /// Reads so far.
  var reads: UInt64 = 0
  /// The thread does not die of a connection that its peer has reset.
  var isPipeSignalBlocked = false

  /// How many there are. For tests.
  var count: Int { sends.count - free.count }

  subscript(name: UInt32) -> FileSend? { name == FileSends.none ? nil : sends[Int(name)] }

  func insert(_ send: FileSend) -> UInt32 {
    if let name = free.popLast() {
      sends[Int(name)] = send
      return name
    }
    sends.append(send)
    return UInt32(sends.count - 1)
  }

  func remove(_ name: UInt32) {
    sends[Int(name)] = nil
    free.append(name)
  }
}
