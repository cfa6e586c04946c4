internal import CLiburing
internal import Glibc

/// Message headers and I/O vectors for the vectored sends of one turn.
///
/// The kernel copies both while it takes the submission (IORING_FEAT_SUBMIT_STABLE), so they are scratch: free again
/// after every `enter` that took them all. Loop thread only.
@safe
final class SendVectors {
  /// IOV_MAX of Linux: sendmsg(2) takes no more in one call.
  static let maximumPerMessage = 1024
  private static let vectorCapacity = 8192
  private static let messageCapacity = 1024

  // Both are there from `init` to `deinit`; `begin` hands out no more than the capacities, `append` no more than `begin` said.
  private let vectors: UnsafeMutablePointer<iovec>
  private let messages: UnsafeMutablePointer<msghdr>
  private var usedVectors = 0
  private var usedMessages = 0
  private var limit = 0

  init() {
    unsafe vectors = .allocate(capacity: SendVectors.vectorCapacity)
    unsafe vectors.initialize(repeating: iovec(), count: SendVectors.vectorCapacity)
    unsafe messages = .allocate(capacity: SendVectors.messageCapacity)
    unsafe messages.initialize(repeating: msghdr(), count: SendVectors.messageCapacity)
  }

  deinit {
    unsafe vectors.deallocate()
    unsafe messages.deallocate()
  }

  /// The kernel has taken every submission that refers to the scratch.
  func reset() {
    usedVectors = 0
    usedMessages = 0
  }

  /// A header with room for up to `count` vectors; fewer, or none at all, when the scratch of this turn is used up. What
  /// does not fit goes out with the connection's next send.
  func begin(upTo count: Int) -> UnsafeMutablePointer<msghdr>? {
    limit = min(count, SendVectors.maximumPerMessage, SendVectors.vectorCapacity - usedVectors)
    guard limit > 1, usedMessages < SendVectors.messageCapacity else { return nil }
    let message = unsafe messages + usedMessages
    usedMessages += 1
    unsafe message.pointee = msghdr()
    unsafe message.pointee.msg_iov = vectors + usedVectors
    return unsafe message
  }

  func hasRoom(_ message: UnsafeMutablePointer<msghdr>) -> Bool {
    unsafe Int(message.pointee.msg_iovlen) < limit
  }

  func append(_ base: UnsafeMutableRawPointer, _ count: Int, to message: UnsafeMutablePointer<msghdr>) {
    unsafe vectors[usedVectors] = iovec(iov_base: base, iov_len: count)
    unsafe message.pointee.msg_iovlen += 1
    usedVectors += 1
  }
}
