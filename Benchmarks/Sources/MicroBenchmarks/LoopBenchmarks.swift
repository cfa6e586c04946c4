@testable import URingBackend

/// Tasks on a loop.
enum LoopBenchmarks {
  static let all: [Benchmark] = [
    Benchmark(name: "task: suspend, resume on the loop") { operations in
      let loop = try EventLoop.start()
      // Two tasks, each of which resumes the other and suspends: each operation is one of both.
      let seat = Seat()
      let time = await Task(executorPreference: loop) {
        let start = StopWatch.now()
        await withTaskGroup { group in
          for _ in 0..<2 {
            group.addTask(executorPreference: loop) {
              for _ in 0..<operations / 2 { await seat.change() }
              seat.leave()
            }
          }
        }
        return StopWatch.now() - start
      }.value
      await loop.shutdown()
      return time
    },
    Benchmark(name: "task: to the loop from another thread and back") { operations in
      let loop = try EventLoop.start()
      let start = StopWatch.now()
      for _ in 0..<operations {
        await Task(executorPreference: loop) { BlackHole.take(loop.index) }.value
      }
      let time = StopWatch.now() - start
      await loop.shutdown()
      return time
    },
  ]
}
