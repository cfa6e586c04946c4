/// What the rounds of one benchmark gave, in nanoseconds for each operation.
struct Measurement {
  let name: String
  /// In each round.
  let operations: Int
  /// One for each round, least first. Never empty.
  let samples: [Double]

  var median: Double {
    let middle = samples.count / 2
    return samples.count % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2
  }

  /// Half of the rounds lie in it.
  var quartiles: (lower: Double, upper: Double) { (samples[samples.count / 4], samples[samples.count * 3 / 4]) }

  static let head = row("benchmark", "median ns", "half of them", "least", "most", "operations x rounds")

  var row: String {
    let half = quartiles
    return Self.row(
      name,
      rounded(median),
      "\(rounded(half.lower))..\(rounded(half.upper))",
      rounded(samples.first ?? 0),
      rounded(samples.last ?? 0),
      "\(operations) x \(samples.count)"
    )
  }

  var json: String {
    let half = quartiles
    return """
      {"name": "\(name)", "median_ns": \(median), "lower_quartile_ns": \(half.lower), "upper_quartile_ns": \(half.upper), \
      "least_ns": \(samples.first ?? 0), "most_ns": \(samples.last ?? 0), "operations": \(operations), \
      "rounds": \(samples.count)}
      """
  }

  private static func row(_ name: String, _ cells: String...) -> String {
    let widths = [10, 18, 9, 9, 22]
    let padded = zip(cells, widths).map { cell, width in
      String(repeating: " ", count: max(0, width - cell.count)) + cell
    }
    return name + String(repeating: " ", count: max(0, 48 - name.count)) + padded.joined(separator: " ")
  }

  private func rounded(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let fraction = String(hundredths % 100)
    return "\(hundredths / 100).\(fraction.count == 1 ? "0" : "")\(fraction)"
  }
}
