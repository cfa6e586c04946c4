/// What a run found.
struct LoadReport {
  /// Above this share of its time, a loop's thread is taken to be what limits the run.
  static let busyLimit = 0.9

  let options: Options
  /// The measured phase.
  private(set) var tally = Tally()
  /// How busy the busiest loop's thread was, from 0 to 1.
  private(set) var busy = 0.0
  /// What the whole process used in the measured phase.
  var processTime = ProcessorTime()
  /// What the server used in the measured phase, where its process is known.
  var serverSeconds: Double?
  /// The whole run's.
  private(set) var errors = ErrorCounts()
  private(set) var firstError: LoadError?

  init(options: Options) {
    self.options = options
  }

  /// Adds one loop's measured phase.
  mutating func add(_ tally: Tally) {
    self.tally += tally
    // In a run of a millisecond the two clocks may disagree.
    busy = max(busy, min(1, tally.busy))
  }

  /// Adds one loop's errors.
  mutating func add(_ outcome: LoadDriver.Outcome) {
    errors += outcome.errors
    if firstError == nil { firstError = outcome.firstError }
  }

  /// How many cores the server kept busy; nil when its process is not known.
  var serverBusy: Double? { tally.seconds > 0 ? serverSeconds.map { $0 / tally.seconds } : nil }

  /// Whether the load itself may be what limited the run: it was busy all the time, and the server is not known to have
  /// been.
  var isBottleneck: Bool { busy >= LoadReport.busyLimit && (serverBusy ?? 0) < LoadReport.busyLimit }

  var messagesPerSecond: Double { tally.seconds > 0 ? Double(tally.messages) / tally.seconds : 0 }

  /// One way, in millions of bytes.
  var megabytesPerSecond: Double { tally.seconds > 0 ? Double(tally.bytes) / tally.seconds / 1e6 : 0 }

  /// Microseconds of a share of the processor's time for each message.
  func perMessage(_ seconds: Double) -> Double {
    tally.messages > 0 ? seconds * 1e6 / Double(tally.messages) : 0
  }
}
