import CLiburing
import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension BenchOperation.Kind {
  /// A completion of such an operation, without what differs from run to run.
  func text(of completion: Completion) -> String {
    let result = completion.result
    let more = completion.hasMore ? ", more" : ""
    guard result >= 0 else {
      // A provided buffer may come with an error, too.
      return Self.name(-result) + (completion.bufferID.map { ", buffer \($0)" } ?? "") + more
    }
    switch self {
    case .receive(let connection, let buffers, let showsHint):
      let hint = showsHint ? completion.socketHasMore ? ", socket has more" : ", socket is empty" : ""
      var text = result == 0 ? "end" : "\(result)"
      if let id = completion.bufferID {
        text += ", buffer \(id)\(completion.bufferHasMore ? " goes on" : "")"
      } else if result > 0 {
        text += ", no buffer"
      }
      let bytes = buffers.contents(of: completion)
      if let connection, !connection.takesDelivery(of: bytes) { text += ", wrong bytes" }
      return text + hint + more
    case .receiveInto(let connection, let base):
      if result == 0 { return "end" + more }
      let bytes = unsafe Array(UnsafeRawBufferPointer(start: base, count: Int(result)))
      return "\(result)" + (connection.takesDelivery(of: bytes) ? "" : ", wrong bytes") + more
    case .send(_, _, let count):
      return (result == count ? "all" : result == 0 ? "nothing" : result < count ? "a part" : "too much") + more
    case .messages(let buffers, let name, let control):
      let bytes = buffers.contents(of: completion)
      guard let id = completion.bufferID, bytes.count >= MessageHeader.bytes else {
        return "\(result), no header" + more
      }
      // As many bytes as a header has are there.
      let header = unsafe bytes.withUnsafeBytes { bytes in unsafe bytes.baseAddress.map { unsafe MessageHeader($0) } }
      guard let header else { return "no header" }
      let isWhole = Int(result) == MessageHeader.bytes + name + control + Int(header.payloadLength)
      var text =
        "\(header.payloadLength) bytes, name \(header.nameLength), control \(header.controlLength), buffer \(id)"
      if header.flags & SLUICE_TRUNC != 0 { text += ", cut" }
      if header.flags & SLUICE_CTRUNC != 0 { text += ", control cut" }
      if !isWhole { text += ", result \(result)" }
      if bytes.dropFirst(MessageHeader.bytes + name + control).contains(where: { $0 != 7 }) { text += ", wrong bytes" }
      return text + more
    case .accept: return "a connection" + more
    case .poll: return Self.events(UInt32(result)) + more
    case .other: return "\(result)" + more
    }
  }

  private static func events(_ events: UInt32) -> String {
    let names: [(UInt32, String)] = [
      (UInt32(POLLIN), "in"), (UInt32(POLLOUT), "out"), (0x2000, "peer's end"), (UInt32(POLLERR), "error"),
      (UInt32(POLLHUP), "hang-up"),
    ]
    return names.filter { events & $0.0 != 0 }.map(\.1).joined(separator: " and ")
  }

  private static func name(_ error: Int32) -> String {
    let names: [Int32: String] = [
      EAGAIN: "EAGAIN", EALREADY: "EALREADY", EBADF: "EBADF", ECANCELED: "ECANCELED", ECONNABORTED: "ECONNABORTED",
      ECONNREFUSED: "ECONNREFUSED", ECONNRESET: "ECONNRESET", EDESTADDRREQ: "EDESTADDRREQ", EFAULT: "EFAULT",
      EMSGSIZE: "EMSGSIZE", EINPROGRESS: "EINPROGRESS",
      EINVAL: "EINVAL", EISCONN: "EISCONN", EMFILE: "EMFILE", ENOBUFS: "ENOBUFS", ENOENT: "ENOENT",
      ENOTCONN: "ENOTCONN", ENOTSOCK: "ENOTSOCK", EOPNOTSUPP: "EOPNOTSUPP", EPIPE: "EPIPE", ETIMEDOUT: "ETIMEDOUT",
    ]
    return names[error] ?? "errno \(error)"
  }
}
