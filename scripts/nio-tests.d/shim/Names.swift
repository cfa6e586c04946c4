import NIOConcurrencyHelpers
import NIOCore
import SluiceNIO

// A module's own names go before those that it imports: with these, tests that name NIOPosix's types use the bridge's.

typealias MultiThreadedEventLoopGroup = RingEventLoopGroup
typealias ServerBootstrap = RingServerBootstrap
typealias ClientBootstrap = RingClientBootstrap

extension RingEventLoopGroup {
  /// As NIOPosix's, which does not throw.
  convenience init(numberOfThreads: Int) {
    do {
      try self.init(numberOfThreads: numberOfThreads, logger: nil)
    } catch {
      preconditionFailure("no loops: \(error)")
    }
    groups.withLockedValue { $0.removeAll { $0.group == nil } }
    groups.withLockedValue { $0.append(WeakGroup(group: self)) }
  }

  static let singleton = RingEventLoopGroup(numberOfThreads: 2)

  /// The loop that the caller runs on, of any group.
  static var currentEventLoop: (any EventLoop)? {
    let all = groups.withLockedValue { $0.compactMap(\.group) }
    for group in all {
      for loop in group.loops where loop.inEventLoop { return loop }
    }
    return nil
  }

  static func withEventLoopGroup<Result>(
    numberOfThreads: Int,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (RingEventLoopGroup) async throws -> Result
  ) async throws -> Result {
    let group = RingEventLoopGroup(numberOfThreads: numberOfThreads)
    do {
      let result = try await body(group)
      try await group.shutdownGracefully()
      return result
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }
}

private struct WeakGroup {
  weak var group: RingEventLoopGroup?
}

private let groups = NIOLockedValueBox<[WeakGroup]>([])
