/// One thing that a kernel's io_uring can or cannot do, and that this package can do without.
///
/// Whether a feature is there is found by trying it (``KernelFeatures/probe()``), never derived from a version number:
/// distributions carry features back, and container profiles take them away.
public enum KernelFeature: UInt8, CaseIterable, Sendable, Hashable {
  /// One thread promises to be the only one that submits: `IORING_SETUP_SINGLE_ISSUER`.
  case singleIssuer
  /// Completions are processed only when that thread asks for them: `IORING_SETUP_DEFER_TASKRUN`. Needs
  /// ``singleIssuer``.
  case deferTaskRun
  /// Completions are processed at the next system call, without an interrupt: `IORING_SETUP_COOP_TASKRUN`.
  case cooperativeTaskRun
  /// One submission accepts every connection: `IORING_ACCEPT_MULTISHOT`.
  case multishotAccept
  /// One submission receives again and again: `IORING_RECV_MULTISHOT`.
  case multishotReceive
  /// A provided buffer is filled by several receives, each where the last one ended: `IOU_PBUF_RING_INC`.
  case incrementalBuffers
  /// A multishot receive stops by itself after a number of bytes: `optlen` of a receive.
  case receiveLimit
  /// An idle loop is not accounted as waiting for a disk: `IORING_ENTER_NO_IOWAIT`.
  case noIOWait
  /// The ring is named by a per-thread index instead of a descriptor: `IORING_REGISTER_RING_FDS`.
  case registeredRing
  /// A send of which the kernel reads the memory itself instead of copying it first, and says whether it did:
  /// `IORING_OP_SEND_ZC`, `IORING_OP_SENDMSG_ZC`, `IORING_SEND_ZC_REPORT_USAGE`.
  case zeroCopySend
  /// One submission receives datagrams again and again, each with its addresses and control messages:
  /// `IORING_RECV_MULTISHOT` of `IORING_OP_RECVMSG`.
  case multishotReceiveMessage

  /// The first mainline kernel with the feature. To inform a reader only: nothing is decided by it.
  public var since: String {
    switch self {
    case .singleIssuer, .multishotReceive, .multishotReceiveMessage: "6.0"
    case .deferTaskRun: "6.1"
    case .cooperativeTaskRun, .multishotAccept: "5.19"
    case .incrementalBuffers: "6.12"
    case .receiveLimit: "6.17"
    case .noIOWait: "6.15"
    case .registeredRing: "5.18"
    case .zeroCopySend: "6.2"
    }
  }

  /// What is used in its place where the feature is missing or forced off.
  public var fallback: String {
    switch self {
    case .singleIssuer: "a ring that any thread may enter"
    case .deferTaskRun: "cooperative task running"
    case .cooperativeTaskRun: "interrupts when completions are ready"
    case .multishotAccept: "one accept for each connection"
    case .multishotReceive: "one receive for each chunk of data"
    case .incrementalBuffers: "one smaller buffer for each receive"
    case .receiveLimit: "cancelling the receive when its credit is used up"
    case .noIOWait: "idle loops show as iowait"
    case .registeredRing: "entering through the descriptor"
    case .zeroCopySend: "sends that the kernel copies"
    case .multishotReceiveMessage: "one receive for each datagram"
    }
  }

  var bit: UInt32 { 1 &<< UInt32(rawValue) }
}
