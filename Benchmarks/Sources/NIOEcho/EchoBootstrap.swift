import NIOCore
import NIOPosix

extension NIOEcho {
  /// The listener and the options of its connections, the same for both modes.
  ///
  /// Without remote half-closure NIO would close, and drop what is not yet sent, as soon as the peer ends its side.
  ///
  /// NIO's own defaults (adaptive buffers up to 64 KiB, four reads in a row, 64 KiB of unsent bytes) proved the best. Tried
  /// against them, in the handler mode: fixed buffers of 2 and 64 KiB, adaptive ones up to 256 KiB, 1 and 16 reads, 256 KiB
  /// of unsent bytes. With messages of 64 bytes on 50 connections all lay within the spread; with 1 MiB on 8 connections each
  /// of those that were tried there took a quarter to nine tenths more CPU, since more memory is touched in a round.
  func bootstrap(_ group: any EventLoopGroup) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // Connections that wait are accepted in a row, instead of a turn of the loop for each four of them.
      .serverChannelOption(.maxMessagesPerRead, value: 64)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.recvAllocator, value: tuning.allocator)
      .childChannelOption(.maxMessagesPerRead, value: tuning.reads)
      .childChannelOption(
        .writeBufferWaterMark,
        value: .init(low: highWater / 2, high: highWater)
      )
  }

  /// With fan-out, what one receiver may have unsent before it is cut off; else where reading pauses.
  private var highWater: Int { fanOut ? 16 << 20 : tuning.highWater }
}
