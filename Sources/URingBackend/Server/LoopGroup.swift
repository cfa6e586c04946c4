public import Logging

/// Several loops, one thread each, that share nothing: one per core is the usual number.
public final class LoopGroup: Sendable {
  /// The loops, in the order of their `index`.
  public let loops: [EventLoop]

  /// The most loops that a group has. No machine has a use for more, and each takes a thread, a ring and descriptors.
  static let mostLoops = 1024
  /// The most that one loop's pool is given: as much as the address space of a process has room for, and so little that
  /// the figures of all loops can be added up.
  static let mostPoolBytes = 1 << 46

  /// Starts `count` loops.
  ///
  /// - Parameters:
  ///   - count: how many, from 1 to 1024; a number beyond is taken as the nearest of these.
  ///   - pinned: pins loop number i to processor i. Where there is no such processor, a warning is logged.
  ///   - configuration: what each loop is given; `poolBytes` is for one loop, and more than 64 TiB is taken as 64 TiB.
  ///   - logger: where the loops report what nobody else can be told. Nil: nowhere.
  /// - Throws: `RingError` as `EventLoop.start` does; loops that had started are left to end by themselves.
  public init(
    count: Int = 1,
    pinned: Bool = false,
    configuration: EventLoop.Configuration = EventLoop.Configuration(),
    logger: Logger? = nil
  ) throws(RingError) {
    var loops: [EventLoop] = []
    for index in 0..<LoopGroup.number(count) {
      var own = configuration
      own.poolBytes = min(own.poolBytes, LoopGroup.mostPoolBytes)
      if pinned { own.processor = index }
      do throws(RingError) {
        loops.append(try EventLoop.start(own, index: index, logger: logger))
      } catch {
        let started = loops
        Task { for loop in started { await loop.shutdown() } }
        throw error
      }
    }
    self.loops = loops
  }

  static func number(_ wanted: Int) -> Int { max(1, min(mostLoops, wanted)) }

  /// Ends every loop and returns when their threads have finished. See `EventLoop.shutdown()`.
  ///
  /// Servers that run on the group stop, and their `run` returns.
  public func shutdown() async {
    for loop in loops { await loop.shutdown() }
  }
}
