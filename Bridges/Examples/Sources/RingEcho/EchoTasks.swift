import NIOCore
import Serving
import SluiceNIO

/// A task for each connection. On the ring it runs on the thread of its connection: no hop between them.
struct EchoTasks: Sendable {
  let options: ServingOptions

  @Sendable func serve(on group: any EventLoopGroup) async throws {
    let listener = try await options.listen(on: group, halfClosure: true) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
    options.announce("RingEcho", listener.channel)
    try await withThrowingDiscardingTaskGroup { tasks in
      try await listener.executeThenClose { connections in
        for try await connection in connections {
          // SwiftNIO's own loops are no task executors: there tasks run on the threads of Swift's pool.
          let loop = connection.channel.eventLoop as? RingEventLoop
          tasks.addTask(executorPreference: loop?.sluice) { await echo(connection) }
        }
      }
    }
  }

  private func echo(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async {
    do {
      try await connection.executeThenClose { inbound, outbound in
        for try await message in inbound { try await outbound.write(message) }
        // What was written may still be unsent, and closing would drop it. An empty write is done when all before it are.
        try await connection.channel.writeAndFlush(ByteBuffer())
      }
    } catch {
      // The peer went away, or the server stops: nothing to tell anybody.
    }
  }
}
