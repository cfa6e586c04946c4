/// What a completion answers: which kind of operation, on which record, of which life of that record.
///
/// It travels through the kernel as `user_data` (see io_uring_enter(2)): 8 bits of kind, 24 bits of generation,
/// 32 bits of index. The generation changes each time a record is reused, so that a late completion of an earlier
/// life is recognised and dropped.
struct OperationID: Equatable {
  let rawValue: UInt64

  init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  init(_ kind: OperationKind, index: UInt32 = 0, generation: UInt32 = 0) {
    rawValue = UInt64(kind.rawValue) << 56 | UInt64(generation & OperationID.generationMask) << 32 | UInt64(index)
  }

  static let generationMask: UInt32 = 0x00FF_FFFF

  var kindByte: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 56) }
  var kind: OperationKind? { OperationKind(rawValue: kindByte) }
  /// Which client of the loop submitted it: 0 is `EventLoop.client`, the others are guests.
  var family: Int { Int(kindByte >> 5) }
  var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) & OperationID.generationMask }
  var index: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
}

/// The kinds of operation that the layers above the ring submit. The upper three bits are the family (`OperationID.family`).
enum OperationKind: UInt8, CaseIterable {
  /// A read of the loop's own eventfd: somebody woke the loop.
  case wake = 1
  case receive
  case send
  case shutdown
  case close
  case accept
  case connect
  /// A request to cancel another operation. Its own completion only says whether that was found.
  case cancelReceive
  case cancelSend
  case cancelAccept
  case cancelConnect
  /// A zero-copy send: its result, and later the notification. Names a `ZeroCopySend`, not a connection, which may be
  /// gone by then.
  case sendZeroCopy
  /// A poll for the end of a connection that does not receive.
  case watch
  /// A receive into a slot of the line's ring, by a connection whose turn it is.
  case receivePortion
  /// A receive into memory of the user's own.
  case receiveInto
  case cancelWatch
  /// A poll for room in a connection's socket, which a file is to be sent on.
  case sendFile
  /// A poll in place of a receive or of a send, of a connection over which descriptors are passed.
  case receiveReady
  case sendReady

  // Family 1: datagrams.

  /// Receives datagrams of one socket: into provided buffers, again and again, or once into a slot of its own.
  case receiveDatagrams = 32
  /// Names a `PendingDatagram`, not a socket.
  case sendDatagram
  case cancelReceiveDatagrams
  case cancelSendDatagrams
  case closeDatagramSocket
  /// A poll for room to send.
  case pollDatagramOutput

  // Family 2: files. The index names a `FileOperation`.

  /// An operation on a file that may wait for a disk.
  case file = 64
  /// A request to cancel one.
  case cancelFile
}
