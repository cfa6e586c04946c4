public import Logging

/// Several loops, one thread each, that share nothing: one per core is the usual number.
public final class LoopGroup: Sendable {
  /// The loops, in the order of their `index`.
  public let loops: [EventLoop]

  /// Starts `count` loops.
  ///
  /// - Parameters:
  ///   - count: how many, at least 1.
  ///   - pinned: pins loop number i to processor i.
  ///   - configuration: what each loop is given; `poolBytes` is for one loop.
  /// - Throws: `RingError` as `EventLoop.start` does; loops that had started are left to end by themselves.
  public init(
    count: Int = 1,
    pinned: Bool = false,
    configuration: EventLoop.Configuration = EventLoop.Configuration(),
    logger: Logger? = nil
  ) throws(RingError) {
    var loops: [EventLoop] = []
    for index in 0..<max(1, count) {
      var own = configuration
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

  /// Ends every loop and returns when their threads have finished. See `EventLoop.shutdown()`.
  public func shutdown() async {
    for loop in loops { await loop.shutdown() }
  }
}
