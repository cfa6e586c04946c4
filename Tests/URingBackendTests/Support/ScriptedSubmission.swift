import CLiburing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a submission queue entry said when it was consumed.
struct ScriptedSubmission: Equatable {
  var opcode: Int32
  var flags: UInt32
  var ioPriority: UInt32
  var descriptor: Int32
  var offset: UInt64
  var address: UInt64
  var length: UInt32
  var operationFlags: UInt32
  var userData: UInt64
  var bufferGroup: UInt16
  /// `file_index`, which is `optlen` for a receive.
  var limit: UInt32

  init(_ entry: io_uring_sqe) {
    opcode = Int32(entry.opcode)
    flags = UInt32(entry.flags)
    ioPriority = UInt32(entry.ioprio)
    descriptor = entry.fd
    offset = entry.off
    address = entry.addr
    length = entry.len
    // The union of all operations' flags. `rw_flags` has another type in newer headers.
    operationFlags = entry.msg_flags
    userData = entry.user_data
    bufferGroup = entry.buf_group
    limit = entry.file_index
  }

  /// The bytes that a send would put on the wire. The memory that it names must still be there.
  var sentBytes: [UInt8] {
    guard let base = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else { return [] }
    switch opcode {
    case SLUICE_OP_SEND, SLUICE_OP_SEND_ZC:
      return unsafe Array(UnsafeRawBufferPointer(start: base, count: Int(length)))
    case SLUICE_OP_SENDMSG, SLUICE_OP_SENDMSG_ZC:
      let message = unsafe base.load(as: msghdr.self)
      return unsafe (0..<Int(message.msg_iovlen)).flatMap { index in
        let vector = unsafe message.msg_iov[index]
        return unsafe Array(UnsafeRawBufferPointer(start: vector.iov_base, count: Int(vector.iov_len)))
      }
    default:
      return []
    }
  }
}
