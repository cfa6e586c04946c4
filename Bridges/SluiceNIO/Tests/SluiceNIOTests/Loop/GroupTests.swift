import NIOCore
import SluiceNIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct GroupTests {
  @Test func loopsTakeTurns() async throws {
    try await onLoops(3) { group in
      let round = (0..<6).map { _ in ObjectIdentifier(group.next()) }
      #expect(round[0..<3] == round[3..<6])
      #expect(Set(round).count == 3)
      #expect(group.makeIterator().map(ObjectIdentifier.init) == group.loops.map(ObjectIdentifier.init))
    }
  }

  @Test func whoIsOnALoopOfTheGroupStaysThere() async throws {
    try await onLoops(3) { group in
      for loop in group.loops {
        let isSo = try await loop.submit { group.any() === loop }.get()
        #expect(isSo)
      }
    }
  }

  @Test func theFutureOfNothingIsOneOnTheLoopAndANewOneElsewhere() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let isSo2 = try await loop.submit { loop.makeSucceededVoidFuture() === loop.makeSucceededVoidFuture() }.get()
      #expect(isSo2)
      let (first, second) = (loop.makeSucceededVoidFuture(), loop.makeSucceededVoidFuture())
      #expect(first !== second)
      try await first.get()
      try await second.get()
    }
  }

  @Test func aNumberOfThreadsBeyondTheBoundsIsTakenAsTheNearest() async throws {
    try await onLoops(0) { #expect($0.loops.count == 1) }
    try await onLoops(-5) { #expect($0.loops.count == 1) }
  }
}
