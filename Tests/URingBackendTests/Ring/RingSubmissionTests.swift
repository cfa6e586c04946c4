import CLiburing
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What each preparation writes, read back by a driver: io_uring_enter(2) lists the fields of every operation.
struct RingSubmissionTests {
  private func prepared(_ prepare: (Ring) -> Bool) throws -> ScriptedSubmission {
    let driver = ScriptedDriver()
    let ring = Ring(driver: driver)
    #expect(prepare(ring))
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    let submissions = driver.takeSubmissions()
    #expect(submissions.count == 1)
    return try #require(submissions.first)
  }

  @Test(arguments: [UInt32(0), 65_536])
  func aMultishotReceiveNamesItsGroupAndItsLimit(limit: UInt32) throws {
    let entry = try prepared {
      $0.prepareReceiveMultishot(9, group: 77, limit: limit, userData: 5)
    }
    #expect(entry.opcode == SLUICE_OP_RECV && entry.descriptor == 9 && entry.userData == 5)
    #expect(entry.flags == SLUICE_SQE_BUFFER_SELECT && entry.bufferGroup == 77)
    #expect(entry.limit == limit && entry.length == 0 && entry.address == 0)
    // IORING_RECV_MULTISHOT is bit 1. IORING_RECVSEND_POLL_FIRST, bit 0, would lose ends (docs/kernel-matrix.md).
    #expect(entry.ioPriority == 2)
  }

  @Test func aSingleReceiveNamesItsLength() throws {
    let entry = try prepared { $0.prepareReceiveOnce(9, group: 3, length: 100, userData: 5) }
    #expect(entry.opcode == SLUICE_OP_RECV && entry.flags == SLUICE_SQE_BUFFER_SELECT && entry.bufferGroup == 3)
    #expect(entry.length == 100 && entry.ioPriority == 0 && entry.limit == 0)
  }

  @Test func aSendNamesTheMemoryItself() throws {
    var bytes: [UInt8] = [1, 2, 3]
    try unsafe bytes.withUnsafeMutableBytes { memory in
      let base = unsafe try #require(memory.baseAddress)
      let entry = try prepared {
        unsafe $0.prepareSend(4, base: base, count: 3, flags: 0x4000, userData: 6)
      }
      #expect(entry.opcode == SLUICE_OP_SEND && entry.descriptor == 4 && entry.userData == 6)
      #expect(entry.address == UInt64(UInt(bitPattern: base)))
      #expect(entry.length == 3 && entry.operationFlags == 0x4000)
      #expect(entry.sentBytes == [1, 2, 3])
    }
  }

  @Test func aVectoredSendNamesTheMessageHeader() throws {
    var message = unsafe msghdr()
    try unsafe withUnsafePointer(to: &message) { pointer in
      let entry = try prepared { unsafe $0.prepareSendVector(4, message: pointer, flags: 0x4000, userData: 6) }
      #expect(entry.opcode == SLUICE_OP_SENDMSG && entry.length == 1 && entry.operationFlags == 0x4000)
      #expect(entry.address == UInt64(UInt(bitPattern: pointer)))
    }
  }

  @Test func aZeroCopySendNamesTheMemoryAndAsksForTheReport() throws {
    var bytes: [UInt8] = [1, 2, 3]
    try unsafe bytes.withUnsafeMutableBytes { memory in
      let base = unsafe try #require(memory.baseAddress)
      let entry = try prepared {
        unsafe $0.prepareZeroCopySend(4, base: base, count: 3, flags: 0x4000, userData: 6)
      }
      #expect(entry.opcode == SLUICE_OP_SEND_ZC && entry.descriptor == 4 && entry.userData == 6)
      #expect(entry.address == UInt64(UInt(bitPattern: base)) && entry.length == 3 && entry.operationFlags == 0x4000)
      #expect(entry.ioPriority == SLUICE_SEND_ZC_REPORT_USAGE && entry.sentBytes == [1, 2, 3])
    }
  }

  @Test func aVectoredZeroCopySendNamesTheMessageHeader() throws {
    var message = unsafe msghdr()
    try unsafe withUnsafePointer(to: &message) { pointer in
      let entry = try prepared {
        unsafe $0.prepareZeroCopySendVector(4, message: pointer, flags: 0x4000, userData: 6)
      }
      #expect(entry.opcode == SLUICE_OP_SENDMSG_ZC && entry.operationFlags == 0x4000 && entry.userData == 6)
      #expect(entry.address == UInt64(UInt(bitPattern: pointer)))
      #expect(entry.ioPriority == SLUICE_SEND_ZC_REPORT_USAGE)
    }
  }

  @Test func acceptedDescriptorsAreCloseOnExecAndBlocking() throws {
    let closeOnExec: UInt32 = 0o2_000_000
    let multishot = try prepared { $0.prepareAcceptMultishot(3, userData: 1) }
    #expect(multishot.opcode == SLUICE_OP_ACCEPT && multishot.descriptor == 3 && multishot.ioPriority == 1)
    #expect(multishot.operationFlags == closeOnExec)
    let once = try prepared { $0.prepareAcceptOnce(3, userData: 1) }
    #expect(once.opcode == SLUICE_OP_ACCEPT && once.ioPriority == 0 && once.operationFlags == closeOnExec)
  }

  @Test func aConnectNamesTheAddress() throws {
    var address = sockaddr()
    try unsafe withUnsafePointer(to: &address) { pointer in
      let entry = try prepared { unsafe $0.prepareConnect(3, address: pointer, length: 16, userData: 1) }
      #expect(entry.opcode == SLUICE_OP_CONNECT && entry.offset == 16)
      #expect(entry.address == UInt64(UInt(bitPattern: pointer)))
    }
  }

  @Test func cancellationsNameAnOperationOrEverythingOnADescriptor() throws {
    let one = try prepared { $0.prepareCancel(target: 0xDEAD_BEEF_0000_0001, userData: 2) }
    #expect(one.opcode == SLUICE_OP_CANCEL && one.address == 0xDEAD_BEEF_0000_0001 && one.operationFlags == 0)
    let all = try prepared { $0.prepareCancelAll(8, userData: 2) }
    #expect(all.opcode == SLUICE_OP_CANCEL && all.descriptor == 8 && all.address == 0)
    #expect(all.operationFlags == SLUICE_CANCEL_ALL | SLUICE_CANCEL_FD)
  }

  @Test func theRestNamesItsDescriptorAndItsArgument() throws {
    let shutdown = try prepared { $0.prepareShutdown(5, how: 1, userData: 1) }
    #expect(shutdown.opcode == SLUICE_OP_SHUTDOWN && shutdown.descriptor == 5 && shutdown.length == 1)
    let close = try prepared { $0.prepareClose(5, userData: 1) }
    #expect(close.opcode == SLUICE_OP_CLOSE && close.descriptor == 5 && close.limit == 0)
    let poll = try prepared { $0.preparePollAdd(5, events: 4, userData: 1) }
    #expect(poll.opcode == SLUICE_OP_POLL_ADD && poll.operationFlags == 4 && poll.length == 0)
    var word: UInt64 = 0
    try unsafe withUnsafeMutableBytes(of: &word) { memory in
      let base = unsafe try #require(memory.baseAddress)
      let read = try prepared { unsafe $0.prepareReadEvent(5, buffer: base, count: 8, userData: 1) }
      #expect(read.opcode == SLUICE_OP_READ && read.length == 8 && read.offset == UInt64.max)
    }
    #expect(try prepared { $0.prepareNop(userData: 99) }.userData == 99)
  }
}
