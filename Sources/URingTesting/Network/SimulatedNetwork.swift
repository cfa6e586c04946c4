internal import Glibc
internal import HeapModule
package import URingBackend

/// TCP sockets as Linux shows them to programs on one machine, and a network between them on which everything may take its
/// time. A value: it does nothing by itself, and what happens is a function of the calls and of the choices.
///
/// What Linux does where the manuals are silent was looked up on real loopback sockets (Linux 6.18); comments say
/// "verified" there.
package struct SimulatedNetwork: Sendable {
  package let limits: NetworkLimits
  /// All that is left open is drawn here.
  package var choices: Choices
  /// Nanoseconds since the run began.
  package internal(set) var clock: UInt64 = 0
  package var trace = Trace()

  var sides: [Side] = []
  /// The first sides of pairs that nobody has.
  var freePairs: [Int] = []
  var listeners: [ListeningPort] = []
  var events = Heap<NetworkEvent>()
  var eventOrder: UInt64 = 0
  /// By descriptor, from the first one on.
  var table: [DescriptorEntry] = []
  /// All entries below it are in use.
  var lowestFree = 0
  /// Entries that have something to report. Some may have been closed meanwhile; `isQueued` tells.
  var ready: [Int] = []
  /// Whether something has changed for who plays the peers.
  var hasPeerNews = false
  var nextPort: UInt16 = 40_000
  /// How often something between the two ends has reset a connection.
  package internal(set) var resetsByPath = 0

  /// By the port of the connecting end.
  var fates: [UInt16: StreamFate] = [:]

  /// How many descriptors are open.
  package private(set) var openDescriptors = 0

  package init(choices: Choices, limits: NetworkLimits = NetworkLimits()) {
    self.choices = choices
    self.limits = limits
  }

  // MARK: Descriptors

  /// The entry of an open descriptor.
  func entry(_ descriptor: Int32) -> Int? {
    let index = Int(descriptor) - Int(limits.firstDescriptor)
    guard table.indices.contains(index), table[index].kind != .free else { return nil }
    return index
  }

  /// What a call finds behind a descriptor.
  enum Lookup {
    case side(Int)
    /// A negative errno value.
    case failure(Int32)
  }

  /// The side behind a descriptor; `refusal` is the errno value that a listener gets.
  func find(_ descriptor: Int32, orListener refusal: Int32) -> Lookup {
    guard let entry = entry(descriptor) else { return .failure(-EBADF) }
    return table[entry].kind == .stream ? .side(table[entry].index) : .failure(-refusal)
  }

  /// Takes the lowest number that is free, as a kernel does: a number is in use again at once.
  /// - Returns: -EMFILE at the limit.
  mutating func takeDescriptor(_ kind: DescriptorEntry.Kind, _ index: Int) -> Int32 {
    guard openDescriptors < limits.descriptors else { return -EMFILE }
    while lowestFree < table.count, table[lowestFree].kind != .free { lowestFree += 1 }
    if lowestFree == table.count { table.append(DescriptorEntry()) }
    table[lowestFree] = DescriptorEntry(kind: kind, index: index)
    openDescriptors += 1
    return limits.firstDescriptor + Int32(lowestFree)
  }

  mutating func freeDescriptor(_ entry: Int) {
    table[entry] = DescriptorEntry()
    lowestFree = min(lowestFree, entry)
    openDescriptors -= 1
  }

  // MARK: Pairs of sides

  /// A connecting side; the accepting one behind it is free until a SYN arrives.
  mutating func takePair() -> Int {
    if let pair = freePairs.popLast() { return pair }
    sides.append(Side())
    sides.append(Side())
    return sides.count - 2
  }

  /// Frees a pair when neither of its ends belongs to anybody. What was under way between them nobody sees.
  mutating func freePairIfUnused(_ side: Int) {
    let pair = side & ~1
    guard isUnused(pair), isUnused(pair + 1) else { return }
    sides[pair].clear()
    sides[pair + 1].clear()
    freePairs.append(pair)
  }

  private func isUnused(_ side: Int) -> Bool {
    sides[side].state == .free || (sides[side].flags.contains(.abandoned) && !sides[side].flags.contains(.isInBacklog))
  }

  /// Connections that somebody has an end of.
  package var openConnections: Int { sides.count / 2 - freePairs.count }

  mutating func takePort() -> UInt16 {
    nextPort = nextPort == .max ? 40_000 : nextPort + 1
    return nextPort
  }

  // MARK: Sockets

  /// socket(2): the descriptor or a negative errno value.
  package mutating func open() -> Int32 {
    let failure = choices.draw(.openFails, below: 4)
    if failure > 0 { return [-EMFILE, -ENFILE, -ENOMEM][Int(failure) - 1] }
    // Looked at first, so that a refusal leaves nothing behind.
    guard openDescriptors < limits.descriptors else { return -EMFILE }
    let side = takePair()
    let descriptor = takeDescriptor(.stream, side)
    openSide(side, descriptor)
    return descriptor
  }

  mutating func openSide(_ side: Int, _ descriptor: Int32) {
    sides[side].state = .fresh
    sides[side].descriptor = descriptor
    // What nothing was sent through takes all of it: a fresh socket is writable (verified: POLLOUT | POLLHUP).
    sides[side].sendCapacity = capacity(.sendCapacity, limits.sendCapacity)
    sides[side].receiveCapacity = capacity(.receiveCapacity, limits.receiveCapacity)
  }

  private mutating func capacity(_ site: Site, _ usual: Int) -> Int {
    let small = choices.draw(site, below: UInt32(clamping: min(usual, 4096)))
    return small > 0 ? Int(small) : usual
  }

  /// SO_SNDBUF and SO_RCVBUF: the kernel doubles them, and has its least ones (socket(7)).
  package mutating func setCapacities(_ descriptor: Int32, send: Int?, receive: Int?) {
    guard case .side(let side) = find(descriptor, orListener: 0) else { return }
    if let send { sides[side].sendCapacity = max(2 * send, 4608) }
    if let receive { sides[side].receiveCapacity = max(2 * receive, 2304) }
  }

  /// socket(2), bind(2) and listen(2). The port must be free.
  package mutating func listen(at address: SocketAddress, backlog: Int) -> Int32 {
    guard !listeners.contains(where: { $0.listens && $0.address.port == address.port }) else { return -EADDRINUSE }
    let index = addListener(at: address, backlog: backlog)
    let descriptor = takeDescriptor(.listener, index)
    listeners[index].descriptor = descriptor
    if descriptor < 0 { listeners[index].isOpen = false }
    return descriptor
  }

  /// Listeners are few, so one that was closed is simply looked for.
  mutating func addListener(at address: SocketAddress, backlog: Int) -> Int {
    let listener = ListeningPort(
      address: address.port == 0 ? address.with(port: takePort()) : address,
      backlog: backlog,
      descriptor: -1
    )
    if let index = listeners.firstIndex(where: { !$0.isOpen }) {
      listeners[index] = listener
      return index
    }
    listeners.append(listener)
    return listeners.count - 1
  }

  // MARK: Events

  mutating func schedule(_ kind: NetworkEvent.Kind, for side: Int, after delay: UInt64) {
    eventOrder += 1
    let generation = sides.indices.contains(side) ? sides[side].generation : 0
    events.insert(
      NetworkEvent(time: clock + delay, order: eventOrder, side: side, generation: generation, kind: kind)
    )
  }

  /// A time in nanoseconds: what is drawn counts as microseconds.
  mutating func delay(_ site: Site, below microseconds: UInt32) -> UInt64 {
    UInt64(choices.draw(site, below: microseconds)) * 1000
  }
}
