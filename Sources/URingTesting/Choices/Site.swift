package import URingBackend

/// Where a simulated run may go one way or another. At each of them 0 is the quiet way: no fault, the smallest delay, the
/// first in order.
package enum Site: UInt8, CaseIterable, Sendable {
  // The network.

  /// How much longer than the latency a segment takes, in microseconds.
  case segmentDelay
  /// A path delivers nothing for so many milliseconds.
  case clog
  /// How many of the bytes that could arrive do; 0 is all.
  case bytesArriving
  /// One byte arrives, and no more.
  case singleByteArrives
  /// A FIN does not arrive with the last byte, but later.
  case endArrivesLater
  /// How much longer than no time an acknowledgement takes, in microseconds.
  case acknowledgementDelay
  /// How many of the bytes under way a reset overtakes.
  case bytesLostAtReset
  /// Something between the two ends resets a connection.
  case pathResets
  /// How much longer than the latency a SYN takes, in microseconds.
  case connectDelay
  /// A SYN vanishes.
  case connectLost
  /// A host is said to be unreachable.
  case connectUnreachable
  /// The capacity of a socket's send buffer, in bytes; 0 is the configured one.
  case sendCapacity
  /// The capacity of a socket's receive buffer, in bytes; 0 is the configured one.
  case receiveCapacity

  // System calls.

  /// How many bytes of those that would fit a send takes; 0 is all.
  case shortSend
  /// An accept fails with one of its errors.
  case acceptFails
  /// A socket(2) fails with one of its errors.
  case openFails
  /// Which of the ready descriptors is reported next.
  case reportOrder
  /// How many reports a wait brings; 0 is all.
  case reportCount
  /// A report tells just what has changed, not what else is ready.
  case reportsChangesOnly
  /// A descriptor is reported on which nothing has changed.
  case reportsForNothing
  /// The process, or the whole machine, stands still for so many milliseconds, while the network goes on.
  case clockJumps

  // What `RingFreedom` names.

  case postponesOperation
  case postponesDescriptor
  case servesOutputFirst
  case endsMultishot
  case missesBuffers
  case consumesFewer
  case interruptsCall
  case refusesCall
  case missesCancelled
  case parksCompletion
  case lacksMemory
  case goesOnAfterCancel
  case saysAlready
  case endsBeforeAnswer
  case reportsAborted
  case refusesZeroCopy
  case owesAfterFailure
  case copiesNevertheless
  case delaysNotification
  case notifiesAtClose

  // For whoever plays the peers.

  /// What a peer does next.
  case peerAction
  /// How much a peer writes or reads.
  case peerAmount
  /// How long a peer waits.
  case peerPause

  // For the program under test.

  /// What user code does next.
  case userAction
  /// When the server begins to stop.
  case stopTime

  package init(_ freedom: RingFreedom) {
    self =
      switch freedom {
      case .postponesOperation: .postponesOperation
      case .postponesDescriptor: .postponesDescriptor
      case .servesOutputFirst: .servesOutputFirst
      case .endsMultishot: .endsMultishot
      case .missesBuffers: .missesBuffers
      case .consumesFewer: .consumesFewer
      case .interruptsCall: .interruptsCall
      case .refusesCall: .refusesCall
      case .missesCancelled: .missesCancelled
      case .parksCompletion: .parksCompletion
      case .lacksMemory: .lacksMemory
      case .goesOnAfterCancel: .goesOnAfterCancel
      case .saysAlready: .saysAlready
      case .endsBeforeAnswer: .endsBeforeAnswer
      case .reportsAborted: .reportsAborted
      case .refusesZeroCopy: .refusesZeroCopy
      case .owesAfterFailure: .owesAfterFailure
      case .copiesNevertheless: .copiesNevertheless
      case .delaysNotification: .delaysNotification
      case .notifiesAtClose: .notifiesAtClose
      }
  }

  /// Whether it ends a connection, or holds everything up. If these were frequent, little else would ever happen.
  var isSevere: Bool {
    switch self {
    case .clog, .pathResets, .connectLost, .connectUnreachable, .clockJumps: true
    default: false
    }
  }
}
