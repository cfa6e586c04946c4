public import SystemPackage

extension KernelFeatures: CustomStringConvertible {
  /// The errno value with which the kernel refused a feature; nil if it did not refuse.
  public func probeError(_ feature: KernelFeature) -> Errno? {
    let error = probeErrors[Int(feature.rawValue)]
    return error == 0 ? nil : Errno(rawValue: error)
  }

  /// A table, one line for each feature: whether it is there, whether it is used, why not, and what is used instead.
  public var description: String {
    let rows = [["feature", "since", "available", "used", "note"]] + KernelFeature.allCases.map(row)
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
      return (cells + [row[4]]).joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private func row(_ feature: KernelFeature) -> [String] {
    guard applies(feature) else { return ["\(feature)", feature.since, "–", "–", "does not apply"] }
    let isUsed = has(feature)
    let why: String? =
      if isUsed {
        nil
      } else if isAvailable(feature) {
        "forced off"
      } else if let error = probeError(feature) {
        "refused: \(error)"
      } else {
        "not there"
      }
    return [
      "\(feature)", feature.since, isAvailable(feature) ? "yes" : "no", isUsed ? "yes" : "no",
      why.map { "\($0); instead: \(feature.fallback)" } ?? "",
    ]
  }
}
