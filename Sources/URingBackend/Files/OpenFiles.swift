internal import DequeModule

/// Files beneath a directory that one loop keeps open for a moment, so that a file that many ask for is not opened for each of
/// them: opening and closing is a good part of what it takes to send a small one.
///
/// One for each loop, in the state that its connections share:
///
/// ```swift
/// let root = try Directory("/srv/www")
/// try await server.run(state: { OpenFiles(beneath: root, on: $0) }) { connection, files in
///   let file = try await files.withValue { $0 }.open("index.html")
///   try await connection.send(file)
/// }
/// ```
///
/// What is given is as old as `validity` at most: a file that was replaced by another of its name, or removed, is still given for
/// so long, whole and as it was. One that was written to in place has its old ``File/size``, and one that was cut ends what
/// is sent of it with ``FileError/Kind/ended``. Those that nobody asks for any more are closed with the next call.
///
/// It may be sent anywhere, but keeps files only for callers on its loop; for others it opens each anew.
public final class OpenFiles: @unchecked Sendable {
  // Why unchecked: what is kept is touched on the loop's thread, or in its place, alone.

  /// The loop whose files they are.
  public let loop: EventLoop
  /// Where the files have to be.
  public let directory: Directory
  /// How many files are kept at most.
  public let limit: Int
  /// How long a file is kept from the moment on when it was opened.
  public let validity: Duration

  private var files: [String: File] = [:]
  /// In the order in which they were opened.
  private var ends: Deque<(file: File, at: UInt64)> = []

  /// - Parameters:
  ///   - directory: where the files have to be: see ``EventLoop/open(_:beneath:_:)``.
  ///   - loop: the loop that opens them, and keeps them.
  ///   - limit: how many are kept at most, each with its descriptor; the oldest gives way. None are if it is 0.
  ///   - validity: how long one is kept.
  public init(
    beneath directory: Directory,
    on loop: EventLoop,
    limit: Int = 256,
    validity: Duration = .seconds(1)
  ) {
    self.directory = directory
    self.loop = loop
    self.limit = limit
    self.validity = validity
  }

  /// Opens a file for reading, or gives one of that name that is open. O(1) then, and nothing is waited for.
  ///
  /// - Parameter name: a path that starts from the directory, without a `/` before it.
  /// - Returns: the file, which stays open as long as somebody refers to it.
  /// - Throws: `FileError` as ``EventLoop/open(_:beneath:_:)``. What failed is tried anew by the next call.
  public func open(_ name: String) async throws(FileError) -> File {
    guard loop.isCurrent else { return try await loop.open(name, beneath: directory) }
    closeOutdated()
    if let file = files[name] { return file }
    let file = try await loop.open(name, beneath: directory)
    if limit > 0, loop.isCurrent { keep(file) }
    return file
  }

  private func keep(_ file: File) {
    if ends.count >= limit { closeFirst() }
    files[file.path] = file
    ends.append((file, LoopClock.deadline(after: validity, from: loop.now)))
  }

  private func closeOutdated() {
    while let first = ends.first, first.at <= loop.now { closeFirst() }
  }

  private func closeFirst() {
    guard let (file, _) = ends.popFirst() else { return }
    // Two that were opened at the same time: the later one has the name.
    if files[file.path] === file { files[file.path] = nil }
  }
}
