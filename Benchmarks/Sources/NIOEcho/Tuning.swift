import ArgumentParser
import NIOCore

/// The settings of NIO that could matter here. The defaults are the best of what was tried.
struct Tuning: ParsableArguments {
  enum Receive: String, ExpressibleByArgument, CaseIterable {
    case adaptive
    case fixed
  }

  @Option(help: "How received bytes get their buffers: AdaptiveRecvByteBufferAllocator or the fixed one.")
  var receive = Receive.adaptive

  @Option(help: "The largest receive buffer in bytes, or the size of the fixed one.")
  var receiveBytes = 65_536

  @Option(help: "Reads in a row on one connection (NIO's own default: 4).")
  var reads: UInt = 4

  @Option(help: "Unsent bytes above which a connection is not writable; half of it is where it becomes so again.")
  var highWater = 65_536

  @Option(help: "--datagrams only: how many are taken with one call; 1 is NIO's own default, a call for each.")
  var vectorReads = 32

  @Option(help: "async only: unread messages above which reading pauses (NIO's own default: 10).")
  var highMessages = 10

  @Option(help: "async only: unread messages below which reading goes on (NIO's own default: 2).")
  var lowMessages = 2

  func validate() throws {
    guard receiveBytes >= 2048, receiveBytes <= 1 << 24 else {
      throw ValidationError("--receive-bytes must be from 2048 to 16777216.")
    }
    guard reads >= 1, reads <= 1024 else { throw ValidationError("--reads must be from 1 to 1024.") }
    guard vectorReads >= 1, vectorReads <= 1024 else { throw ValidationError("--vector-reads must be from 1 to 1024.") }
    guard highWater >= 2 else { throw ValidationError("--high-water must be at least 2.") }
    guard lowMessages >= 1, highMessages >= lowMessages else {
      throw ValidationError("--low-messages must be at least 1, --high-messages at least that.")
    }
  }

  var allocator: any RecvByteBufferAllocator {
    switch receive {
    case .adaptive: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: receiveBytes)
    case .fixed: FixedSizeRecvByteBufferAllocator(capacity: receiveBytes)
    }
  }
}
