/// The threads that wait for disks where no ring does.
final class FileThreads: Sendable {
  typealias Work = @Sendable () -> Void

  /// For all loops of the process: more do not make a disk faster.
  static let shared = FileThreads(8)

  private let threads: BlockingThreads<Work>

  /// - Parameters:
  ///   - most: how many threads at a time.
  ///   - start: starts one; nil: as the system does.
  init(_ most: Int, start: BlockingThreads<Work>.Start? = nil) {
    threads = BlockingThreads(most, name: "sluice-file", start: start) { $0() }
  }

  /// How many threads there are, and how much waits for one. For tests.
  var load: (threads: Int, waiting: Int) { threads.load }

  /// Has `work` done by one of the threads, in the order of the calls. Where not one can be started it is done here, which
  /// waits: better late than never.
  func run(_ work: @escaping Work) {
    for left in threads.add(work) { left() }
  }
}
