/// Every decision of a simulated run is drawn here, so that the run is a function of a seed, or of a list.
///
/// With a seed, each run first draws how often each site strikes, and for many of them that is never: a run in which
/// everything goes wrong at once finds less than many that each have a few faults (swarm testing, Groce et al., ISSTA
/// 2012). These first draws depend on the seed alone and are not recorded: a replay takes values, not probabilities.
package struct Choices: Sendable {
  /// Draws below this strike; `always` is one more than the largest of them.
  private static var always: UInt64 { 1 << 32 }

  private var generator = SplitMix64(seed: 0)
  // By `Site.rawValue`; empty in a replay.
  private var rates: [UInt64] = []
  private var replayed: [UInt32] = []
  private var position = 0
  private let isRecording: Bool
  /// What was drawn so far, when recording.
  package private(set) var recorded: [Choice] = []
  /// How many values were drawn.
  package private(set) var count = 0

  /// A run of its own.
  /// - Parameter recording: whether `recorded` is kept. A run without it is repeated with it from the same seed.
  package init(seed: UInt64, recording: Bool = false) {
    isRecording = recording
    generator = SplitMix64(seed: seed)
    rates = Site.allCases.map { site in
      let random = generator.next()
      // Half of the sites are quiet; the others strike with 2^-1 to 2^-8, severe ones with 2^-7 to 2^-14.
      guard random & 1 == 1 else { return 0 }
      return Choices.always >> ((random >> 1) % 8 + (site.isSevere ? 7 : 1))
    }
  }

  /// A run in which these sites strike with these probabilities, and no others.
  package init(seed: UInt64, only probabilities: [Site: Double], recording: Bool = false) {
    isRecording = recording
    generator = SplitMix64(seed: seed)
    rates = Site.allCases.map { site in
      UInt64(min(max(probabilities[site] ?? 0, 0), 1) * Double(Choices.always))
    }
  }

  /// Repeats a run. Behind the end of the list everything is 0.
  package init(replaying list: [UInt32], recording: Bool = false) {
    isRecording = recording
    replayed = list
  }

  /// Nothing ever goes wrong.
  package static var quiet: Choices { Choices(replaying: []) }

  /// The values of `recorded`, for a replay.
  package var values: [UInt32] { recorded.map(\.value) }

  /// Draws a number below `bound`; 0 is the quiet way. Where there is nothing to choose, nothing is drawn.
  package mutating func draw(_ site: Site, below bound: UInt32) -> UInt32 {
    guard bound > 1 else { return 0 }
    var value: UInt32 = 0
    if rates.isEmpty {
      // A list that was changed may have a value too large for where it now stands.
      if position < replayed.count { value = min(replayed[position], bound - 1) }
      position += 1
    } else {
      let rate = rates[Int(site.rawValue)]
      if rate > 0 {
        let random = generator.next()
        if random & 0xFFFF_FFFF < rate {
          value = 1 + UInt32(truncatingIfNeeded: ((random >> 32) &* UInt64(bound - 1)) >> 32)
        }
      }
    }
    count += 1
    if isRecording { recorded.append(Choice(site: site, value: value)) }
    return value
  }

  /// Draws yes or no; no is the quiet way.
  package mutating func happens(_ site: Site) -> Bool { draw(site, below: 2) != 0 }
}
