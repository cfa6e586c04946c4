import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Descriptors go over a Unix socket, and each of them belongs to somebody at any time.
@Suite(.timeLimit(.minutes(2)))
struct DescriptorPassingTests {
  @Test(arguments: DatagramLoop.allCases)
  func aDescriptorArrivesAndWorks(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let (sender, receiver) = try await Self.pair(on: loop, maximum: 4)
      let (reading, writing) = try Self.pipe()
      defer { try? reading.close() }
      #expect(await sender.send(try loop.view([1, 2]), passing: DescriptorList(OwnedDescriptor(writing))))
      var datagram = try await receiver.next()
      #expect(datagram.copy == [1, 2] && !datagram.isControlTruncated)
      var descriptors = datagram.takeDescriptors()
      #expect(descriptors.count == 1)
      guard let received = descriptors.popFirst() else { throw ServerEndedEarly() }
      #expect(fcntl(received.borrowed.rawValue, F_GETFD) & FD_CLOEXEC != 0)
      #expect(try received.borrowed.writeAll([7]) == 1)
      #expect(try Self.read(reading) == [7])
      #expect(datagram.takeDescriptors().count == 0)
    }
  }

  /// The pipe's end of file says that nobody has its other side any more.
  @Test(arguments: DatagramLoop.allCases, Fate.allCases)
  func whatNobodyTakesIsClosed(kind: DatagramLoop, fate: Fate) async throws {
    let (reading, writing) = try Self.pipe()
    defer { try? reading.close() }
    try await kind.run { loop in
      let (sender, receiver) = try await Self.pair(on: loop, maximum: fate == .isSurplus ? 0 : 4)
      switch fate {
      case .isNeverSent:
        await sender.close()
        #expect(await sender.send(try loop.view([1]), passing: DescriptorList(OwnedDescriptor(writing))) == false)
      case .isNeverReceived:
        #expect(await sender.send(try loop.view([1]), passing: DescriptorList(OwnedDescriptor(writing))))
        try await eventually { loop.statistics.datagramsReceived == 1 }
        await receiver.close()
      case .isDropped:
        #expect(await sender.send(try loop.view([1]), passing: DescriptorList(OwnedDescriptor(writing))))
        let datagram = try await receiver.next()
        #expect(datagram.copy == [1])
      case .isLeftBehind:
        #expect(await sender.send(try loop.view([1]), passing: DescriptorList(OwnedDescriptor(writing))))
        let payload = try await receiver.next().takePayload()
        #expect(payload.count == 1)
      case .isTakenAndDropped:
        #expect(await sender.send(try loop.view([1]), passing: DescriptorList(OwnedDescriptor(writing))))
        var datagram = try await receiver.next()
        let list = datagram.takeDescriptors()
        #expect(list.count == 1)
      case .isSurplus:
        #expect(await sender.send(try loop.view([1]), passing: DescriptorList(OwnedDescriptor(writing))))
        var datagram = try await receiver.next()
        #expect(datagram.isControlTruncated && datagram.takeDescriptors().count == 0)
      }
    }
    #expect(try Self.read(reading) == [])
  }

  enum Fate: CaseIterable {
    case isNeverSent
    case isNeverReceived
    case isDropped
    case isLeftBehind
    case isTakenAndDropped
    case isSurplus
  }

  @Test(arguments: DatagramLoop.allCases)
  func moreThanWereAskedForAreClosedAndSaidSo(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let (sender, receiver) = try await Self.pair(on: loop, maximum: 3)
      var ends: [FileDescriptor] = []
      var list = DescriptorList()
      for _ in 0..<20 {
        let (reading, writing) = try Self.pipe()
        ends.append(reading)
        list.append(OwnedDescriptor(writing))
      }
      defer { for end in ends { try? end.close() } }
      #expect(await sender.send(try loop.view([]), passing: list))
      var datagram = try await receiver.next()
      #expect(datagram.count == 0 && datagram.isControlTruncated)
      let taken = datagram.takeDescriptors()
      #expect(taken.count == 3)
      // All others have nobody on their other side.
      for end in ends[3...] { #expect(try Self.read(end) == []) }
      #expect(taken.count == 3)
    }
  }

  private static func pair(
    on loop: EventLoop,
    maximum: Int
  ) async throws -> (sender: DatagramSocket, receiver: DatagramSocket) {
    var options = DatagramOptions()
    options.maximumDescriptors = maximum
    let name = "sluice-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    let receiver = try await DatagramSocket.bind(to: .unix(abstract: name), on: loop, options: options)
    return (try await DatagramSocket.connect(to: receiver.localAddress, on: loop), receiver)
  }

  /// A pipe, whose writing end is to be given away.
  private static func pipe() throws -> (reading: FileDescriptor, writing: FileDescriptor) {
    let ends = try FileDescriptor.pipe()
    // Not for the programs that other tests start.
    for end in [ends.readEnd, ends.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
    return (ends.readEnd, ends.writeEnd)
  }

  private static func read(_ descriptor: FileDescriptor) throws -> [UInt8] {
    var byte: UInt8 = 0
    let count = try unsafe withUnsafeMutableBytes(of: &byte) { try unsafe descriptor.read(into: $0) }
    return count == 0 ? [] : [byte]
  }
}
