// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let buffers = """
    """
}
