import Testing

@testable import SluiceNIO

@Suite struct ReadCreditTests {
  // What changes a value cannot stand in an expectation.

  private func take(_ credit: inout ReadCredit, unasked: Bool = false) -> Bool { credit.take(unasked: unasked) }

  private func endBatch(_ credit: inout ReadCredit) -> Bool { credit.endBatch() }

  @Test func nothingIsDeliveredThatNobodyWants() {
    var credit = ReadCredit()
    #expect(!take(&credit))
    #expect(!endBatch(&credit))
  }

  @Test func oneWishIsOneBatch() {
    var credit = ReadCredit()
    credit.largestBatch = 3
    credit.isWanted = true
    for _ in 0..<3 { #expect(take(&credit)) }
    #expect(!take(&credit), "the batch is full")
    #expect(endBatch(&credit))
    #expect(!take(&credit), "nobody has asked again")
  }

  @Test func aWishDuringABatchIsForTheNext() {
    var credit = ReadCredit()
    credit.largestBatch = 1
    credit.isWanted = true
    #expect(take(&credit))
    credit.isWanted = true
    #expect(!take(&credit))
    #expect(endBatch(&credit))
    #expect(take(&credit))
  }

  @Test func whatNobodyAskedForComesInBatchesAsWell() {
    var credit = ReadCredit()
    credit.largestBatch = 2
    #expect(take(&credit, unasked: true))
    #expect(take(&credit, unasked: true))
    #expect(!take(&credit, unasked: true))
    #expect(endBatch(&credit))
    #expect(take(&credit, unasked: true))
  }
}
