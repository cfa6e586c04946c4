import SystemPackage

/// What io_uring answered when it was asked, kept for machines where it is not allowed, and for answers that are rare.
///
/// The other files of this type are written by the suite itself: `SLUICE_RECORD=1 swift test --filter ConformanceTests`.
enum RecordedAnswers {
  private static let texts = [receives, buffers, sends, vectors, connections, rings, datagrams]

  /// By the scenario's name.
  static let answers: [String: Set<Answer>] = {
    var answers: [String: Set<Answer>] = [:]
    var name = ""
    var lines: [String] = []
    let text: String = texts.joined(separator: "\n") + "\n# "
    for line in text.split(separator: "\n") {
      if line.hasPrefix("| ") {
        lines.append(String(line.dropFirst(2)))
        continue
      }
      if !lines.isEmpty { answers[name, default: []].insert(Answer(lines: lines)) }
      lines = []
      if line.hasPrefix("# ") { name = String(line.dropFirst(2)) }
    }
    return answers
  }()

  /// Writes one family's answers as source, next to this file.
  static func write(_ family: String, _ answers: [(name: String, answers: Set<Answer>)]) throws {
    var text = """
      // Written by the suite: see RecordedAnswers.swift.

      extension RecordedAnswers {
        static let \(family) = \"\"\"

      """
    for (name, answers) in answers {
      text += "    # \(name)\n"
      let parts = answers.sorted().map { $0.lines.map { "    | \($0)\n" }.joined() }
      text += parts.joined(separator: "    or\n")
    }
    text += "    \"\"\"\n}\n"
    var path = FilePath(#filePath)
    path.removeLastComponent()
    path.append("RecordedAnswers+\(family).swift")
    let file = try FileDescriptor.open(
      path,
      .writeOnly,
      options: [.create, .truncate],
      permissions: [.ownerReadWrite, .groupRead, .otherRead]
    )
    defer { try? file.close() }
    try file.writeAll(text.utf8)
  }
}
