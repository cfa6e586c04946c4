extension TestNetwork {
  /// What may go wrong on a simulated network. Whether, when and how often it does comes out of the seed: in each run some
  /// of the faults strike often, some seldom, and some never.
  public struct Faults: OptionSet, Sendable, CustomStringConvertible {
    /// One bit for each kind.
    public let rawValue: UInt16

    /// The faults of these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Bytes, ends, acknowledgements and connects take up to milliseconds longer; acknowledgements up to 50, connects up to a
    /// second.
    public static let delays = Faults(rawValue: 1)
    /// Bytes arrive in pieces, and sometimes one by one.
    public static let pieces = Faults(rawValue: 1 << 1)
    /// Sends take fewer bytes than there is room for.
    public static let shortSends = Faults(rawValue: 1 << 2)
    /// Sockets have small buffers, from one byte to 4 KiB.
    public static let smallBuffers = Faults(rawValue: 1 << 3)
    /// A path delivers nothing for up to two seconds.
    public static let stalls = Faults(rawValue: 1 << 4)
    /// The kernel uses all of its freedom: what is ready is reported late, in another order or for nothing; operations wait,
    /// end, or find no buffers; calls are interrupted or refused for the moment.
    public static let kernel = Faults(rawValue: 1 << 5)
    /// Something between both ends resets connections.
    public static let resets = Faults(rawValue: 1 << 6)
    /// Accepting fails, for a moment or with the loss of the connection.
    public static let refusedAccepts = Faults(rawValue: 1 << 7)
    /// Connects of the program and of clients are lost and repeated, or fail, as do the program's new sockets.
    public static let failedConnects = Faults(rawValue: 1 << 8)
    /// The server's process stands still, for up to a minute at a time, while its peers and the network go on: its timers are
    /// late. What peers of a test wait for may take so much longer.
    public static let standstills = Faults(rawValue: 1 << 9)

    /// Nothing goes wrong.
    public static let none: Faults = []
    /// What costs time, and nothing else: every byte arrives in the end, as do all ends. No test of a correct server
    /// should fail.
    public static let harmless: Faults = [.delays, .pieces, .shortSends, .smallBuffers, .stalls, .kernel]
    /// Everything. Connections may be reset at any time: a test has to expect errors of its peers.
    public static let all: Faults = [.harmless, .resets, .refusedAccepts, .failedConnects, .standstills]

    private static let names: [(Faults, String)] = [
      (.delays, ".delays"), (.pieces, ".pieces"), (.shortSends, ".shortSends"), (.smallBuffers, ".smallBuffers"),
      (.stalls, ".stalls"), (.kernel, ".kernel"), (.resets, ".resets"), (.refusedAccepts, ".refusedAccepts"),
      (.failedConnects, ".failedConnects"), (.standstills, ".standstills"),
    ]

    /// As it is written in Swift.
    public var description: String {
      switch self {
      case .none: return ".none"
      case .harmless: return ".harmless"
      case .all: return ".all"
      default: return "[\(Faults.names.filter { contains($0.0) }.map(\.1).joined(separator: ", "))]"
      }
    }

    /// Which of them a site belongs to; none: what the test's own code draws.
    static func of(_ site: Site) -> Faults {
      switch site {
      case .segmentDelay, .endArrivesLater, .acknowledgementDelay, .connectDelay: .delays
      case .bytesArriving, .singleByteArrives: .pieces
      case .shortSend: .shortSends
      case .sendCapacity, .receiveCapacity: .smallBuffers
      case .clog: .stalls
      case .pathResets, .bytesLostAtReset: .resets
      case .clockJumps: .standstills
      case .acceptFails: .refusedAccepts
      case .connectLost, .connectUnreachable, .openFails: .failedConnects
      case .reportOrder, .reportCount, .reportsChangesOnly, .reportsForNothing, .postponesOperation,
        .postponesDescriptor,
        .servesOutputFirst, .endsMultishot, .missesBuffers, .consumesFewer, .interruptsCall, .refusesCall,
        .missesCancelled, .parksCompletion, .lacksMemory, .goesOnAfterCancel, .saysAlready, .endsBeforeAnswer,
        .reportsAborted, .refusesZeroCopy, .owesAfterFailure, .copiesNevertheless, .delaysNotification,
        .notifiesAtClose:
        .kernel
      case .peerAction, .peerAmount, .peerPause, .userAction, .stopTime: .none
      }
    }
  }
}

extension Choices {
  /// A run in which only such faults strike, and each as often as this seed says.
  init(seed: UInt64, faults: TestNetwork.Faults) {
    // Another sequence than the one that the choices are drawn from.
    var generator = SplitMix64(seed: seed ^ 0xA5A5_A5A5_A5A5_A5A5)
    var probabilities: [Site: Double] = [:]
    for site in Site.allCases {
      // Drawn for each site, so that fewer faults do not change what the others do. The rates are those of `init(seed:)`, but
      // what ends connections is likelier: whoever asks for it has short conversations, and means it.
      let random = generator.next()
      let kind = TestNetwork.Faults.of(site)
      guard random & 1 == 1, !kind.isEmpty, faults.contains(kind) else { continue }
      probabilities[site] = 1 / Double(UInt64(1) << ((random >> 1) % 8 + (site.isSevere ? 4 : 1)))
    }
    self.init(seed: seed, only: probabilities)
  }
}
