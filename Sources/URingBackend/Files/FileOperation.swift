internal import IOBuffers
internal import SystemPackage

/// One operation on a file that may wait for a disk. The engine keeps it, and so all that it names, until its completion.
@safe
final class FileOperation: @unchecked Sendable {
  // Why unchecked: constant, but for `isSubmitted`, which belongs to the loop's thread. What the pointers lead to is locked
  // by whoever made the operation, until it is completed; a thread that works on it does so in between.

  @unsafe
  enum Call {
    case open(FileOpen)
    case read(UnsafeMutableRawPointer, count: Int, offset: Int)
    case write(UnsafeRawPointer, count: Int, offset: Int)
    case sync(dataOnly: Bool)
    case close
  }

  let call: Call
  let descriptor: Int32
  /// Keeps the descriptor open. Nil where the operation opens or closes one.
  private let file: File?
  /// Called once, on the loop's thread: the result, or a negative errno value.
  let completion: (Int32) -> Void
  /// The kernel or a thread has it, and no cancellation takes it out of the queue.
  var isSubmitted = false

  init(_ call: Call, on file: File, completion: @escaping (Int32) -> Void) {
    unsafe self.call = call
    self.file = file
    descriptor = file.descriptor
    self.completion = completion
  }

  init(_ call: Call, descriptor: Int32 = -1, completion: @escaping (Int32) -> Void) {
    unsafe self.call = call
    file = nil
    self.descriptor = descriptor
    self.completion = completion
  }

  /// Carries it out on the calling thread, which may wait.
  func perform() -> Int32 {
    while true {
      let result = attempt()
      if result != -Errno.interrupted.rawValue { return result }
    }
  }

  private func attempt() -> Int32 {
    // What the pointers lead to is locked until the completion.
    switch unsafe call {
    case .open(let open): FileCall.open(open)
    case .read(let base, let count, let offset):
      Int32(clamping: unsafe read(base, FileOperation.limit(count), offset))
    case .write(let base, let count, let offset):
      Int32(clamping: unsafe FileCall.write(descriptor, base, FileOperation.limit(count), at: offset))
    case .sync(let dataOnly): FileCall.sync(descriptor, dataOnly: dataOnly)
    case .close: FileCall.close(descriptor)
    }
  }

  private func read(_ base: UnsafeMutableRawPointer, _ count: Int, _ offset: Int) -> Int {
    // What the kernel may write to is out of bounds for everybody else, and the sanitizer takes us for that.
    let isPoisoned = unsafe AddressSanitizer.isLoaded && AddressSanitizer.isPoisoned(base)
    if isPoisoned { unsafe AddressSanitizer.unpoison(base, count) }
    defer { if isPoisoned { unsafe AddressSanitizer.poison(base, count) } }
    return unsafe FileCall.read(descriptor, base, count, at: offset)
  }

  /// Hands it to the kernel. False: the queue takes nothing right now.
  func submit(to ring: Ring, _ user: UInt64) -> Bool {
    // As above.
    switch unsafe call {
    case .open(let open):
      unsafe ring.prepareOpen(directory: open.directory, path: open.path, how: open.how, userData: user)
    case .read(let base, let count, let offset):
      unsafe ring.prepareRead(
        descriptor,
        base: base,
        count: FileOperation.limit(count),
        offset: UInt64(offset),
        userData: user
      )
    case .write(let base, let count, let offset):
      unsafe ring.prepareWrite(
        descriptor,
        base: base,
        count: FileOperation.limit(count),
        offset: UInt64(offset),
        userData: user
      )
    case .sync(let dataOnly): ring.prepareSync(descriptor, dataOnly: dataOnly, userData: user)
    case .close: ring.prepareClose(descriptor, userData: user)
    }
  }

  /// The most that one call takes, so that its result can be told (read(2) takes no more than 2 GiB less a page).
  private static func limit(_ count: Int) -> Int { min(count, 1 << 30) }
}
