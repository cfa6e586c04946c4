import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where a scenario is played: a ring, the network around it, and a record of what the ring answered.
///
/// Operations have labels, and lines of the answer name them. Nothing is submitted before the next turn: `turn`, `end`,
/// `reach` or `rest`.
@safe
final class Bench {
  /// Something that every kernel brings about did not come.
  struct GaveUp: Error {
    var what: String
  }

  let kernel: any Kernel
  let ring: Ring
  /// The connections that accepts delivered, in order.
  private(set) var accepted: [Int32] = []
  private let patience: Duration
  private var operations: [BenchOperation] = []
  private var inOrder: [(number: Int, line: String)] = []
  private var notes: [String] = []
  private var groups: [BenchBuffers] = []
  private var descriptors: [Int32] = []
  // Why the pointers hold: each is this object's until `tearDown`, which leaves them where the ring may still use them.
  private var memory: [UnsafeMutableRawPointer] = unsafe []

  init(kernel: any Kernel, ring: Ring, patience: Duration) {
    self.kernel = kernel
    self.ring = ring
    self.patience = patience
  }

  // MARK: What there is

  func connection(smallBuffers: Bool = false) throws -> BenchConnection {
    let (descriptor, peer) = try kernel.makeConnection(smallBuffers: smallBuffers)
    descriptors.append(descriptor)
    return BenchConnection(descriptor: descriptor, peer: peer)
  }

  func listener() throws -> (descriptor: Int32, address: SocketAddress) {
    let listener = try kernel.makeListener(backlog: 16)
    descriptors.append(listener.descriptor)
    return listener
  }

  func socket() throws -> Int32 {
    let descriptor = try kernel.makeSocket()
    descriptors.append(descriptor)
    return descriptor
  }

  /// A UDP socket, and one of plain calls that is connected to it.
  func datagrams() throws -> (descriptor: Int32, peer: BlockingDatagramClient) {
    let descriptor = try datagramSocket()
    guard let address = Socket.localAddress(of: descriptor) else { throw Errno.badFileDescriptor }
    return (descriptor, try BlockingDatagramClient(connectedTo: address, boundTo: .loopback(port: 0)))
  }

  func datagramSocket(connectedTo address: SocketAddress? = nil) throws -> Int32 {
    let descriptor = try kernel.makeDatagramSocket(connectedTo: address)
    descriptors.append(descriptor)
    return descriptor
  }

  func event() throws -> Int32 {
    let descriptor = try kernel.makeEvent()
    descriptors.append(descriptor)
    return descriptor
  }

  /// Provided buffers, all of them posted unless `posted` says which.
  func buffers(_ count: Int, of bytes: Int, incremental: Bool = false, posted: [Int]? = nil) throws -> BenchBuffers {
    let buffers = try BenchBuffers(
      ring: ring,
      group: UInt16(groups.count),
      count: count,
      bytes: bytes,
      incremental: incremental
    )
    groups.append(buffers)
    buffers.post(posted ?? Array(0..<count))
    return buffers
  }

  /// Memory for as long as the scenario runs.
  func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
    let pointer = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 1), alignment: 16)
    unsafe memory.append(pointer)
    return unsafe pointer
  }

  /// The ring closes it: then it is nobody's any more.
  func givesAway(_ descriptor: Int32) {
    descriptors.removeAll { $0 == descriptor }
    accepted.removeAll { $0 == descriptor }
  }

  // MARK: Turns

  /// Notes an operation, and whether the ring took it. Its user data is its number.
  func begin(_ label: String, _ kind: BenchOperation.Kind = .other, _ prepare: (UInt64) -> Bool) {
    operations.append(BenchOperation(label: label, kind: kind))
    if !prepare(UInt64(operations.count - 1)) { note(label, "not taken") }
  }

  /// What the operation of a label was submitted as.
  func userData(_ label: String) -> UInt64 {
    UInt64(operations.lastIndex { $0.label == label } ?? 999_999)
  }

  /// Submits what was prepared, waits a little for a completion, and takes all that there are.
  func turn() throws {
    kernel.settle()
    try ring.enter(waitFor: 1, timeoutNanoseconds: 2_000_000)
    take()
  }

  /// Submits, and takes nothing.
  func submit() throws {
    kernel.settle()
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
  }

  /// Turns until a condition holds.
  func turns(_ what: String, until condition: () throws -> Bool) throws {
    let limit = ContinuousClock.now + patience
    while try !condition() {
      guard ContinuousClock.now < limit else { throw GaveUp(what: what) }
      try turn()
    }
  }

  /// Turns until the operations have ended.
  func end(_ labels: String...) throws {
    for label in labels {
      let number = Int(userData(label))
      try turns("\(label) does not end") { operations[number].hasEnded }
    }
  }

  /// Turns until an operation has so many completions.
  func reach(_ label: String, _ count: Int) throws {
    let number = Int(userData(label))
    try turns("\(label) has not \(count) completions") { operations[number].lines.count >= count }
  }

  /// Some turns in which nothing more should come.
  func rest() throws {
    for _ in 0..<kernel.turnsToRest { try turn() }
  }

  /// Turns until a connection takes nothing more of a large send.
  func fill(_ connection: BenchConnection) throws {
    try turns("the sockets do not fill") { kernel.isFull(connection.descriptor) }
    try rest()
  }

  func hasEnded(_ label: String) -> Bool { operations[Int(userData(label))].hasEnded }

  /// Leaves an operation out of the answer.
  func hide(_ label: String) { operations[Int(userData(label))].isShown = false }

  /// Whether an operation's first completion came before another's last one.
  func came(_ label: String, before other: String) -> Bool {
    let (number, other) = (Int(userData(label)), Int(userData(other)))
    guard let first = inOrder.firstIndex(where: { $0.number == number }) else { return false }
    return inOrder[first...].contains { $0.number == other }
  }

  private func take() {
    while let completion = ring.nextCompletion() {
      let number = Int(truncatingIfNeeded: completion.userData)
      guard operations.indices.contains(number) else {
        notes.append("somebody else's completion")
        continue
      }
      if case .accept = operations[number].kind, completion.result >= 0 { accepted.append(completion.result) }
      if case .send(let connection?, let start, let count) = operations[number].kind, completion.result < count {
        connection.nextSend = start + max(0, Int(completion.result))
      }
      let line = "\(operations[number].label): \(operations[number].kind.text(of: completion))"
      if operations[number].hasEnded { notes.append("after its end, \(line)") }
      operations[number].lines.append(line)
      operations[number].hasEnded = !completion.hasMore
      inOrder.append((number, line))
    }
  }

  // MARK: The answer

  /// Adds a line about what is not a completion.
  func note(_ label: String, _ text: String) {
    notes.append("\(label): \(text)")
  }

  /// Whether an operation goes on.
  func noteState(_ label: String) { note(label, hasEnded(label) ? "has ended" : "is armed") }

  /// What the peer has seen of a connection.
  func note(_ label: String, peerOf connection: BenchConnection, sent: Int? = nil) {
    let bytes = sent.map { $0 == connection.read ? "what was sent" : "\(connection.read) of \($0) bytes" }
    let end: String =
      switch connection.end {
      case nil: "no end"
      case .endOfStream: "the end"
      case .reset: "a reset"
      }
    note(label, "\(bytes ?? "\(connection.read) bytes"), \(end)\(connection.isIntact ? "" : ", wrong bytes")")
  }

  func answer(_ order: Scenario.Order) -> Answer {
    switch order {
    case .ofEachOperation: Answer(lines: operations.filter(\.isShown).flatMap(\.lines) + notes)
    case .ofAll: Answer(lines: inOrder.filter { operations[$0.number].isShown }.map(\.line) + notes)
    }
  }

  /// Ends what has not ended, and gives everything back. What it meets is in no answer.
  func tearDown() {
    for number in operations.indices where !operations[number].hasEnded {
      begin("cancel") { ring.prepareCancel(target: UInt64(number), userData: $0) }
    }
    let limit = ContinuousClock.now + patience
    while operations.contains(where: { !$0.hasEnded }), ContinuousClock.now < limit {
      guard (try? turn()) != nil else { break }
    }
    let isUsed = operations.contains { !$0.hasEnded }
    for group in groups { group.unregister() }
    ring.close()
    for descriptor in descriptors + accepted { kernel.close(descriptor) }
    if isUsed {
      for group in groups { _ = unsafe Unmanaged.passRetained(group) }
    } else {
      unsafe memory.forEach { unsafe $0.deallocate() }
    }
    unsafe memory.removeAll()
  }
}
