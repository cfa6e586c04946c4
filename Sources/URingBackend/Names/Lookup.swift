internal import CLiburing
internal import Glibc

/// getaddrinfo(3).
enum Lookup {
  /// Blocks the calling thread until the system has an answer.
  static func addresses(of host: String) -> Result<[SocketAddress], ResolveError> {
    // The call takes a C string, and would not see what follows its end; and it takes an empty one for this host.
    guard !host.isEmpty, !host.utf8.contains(0) else {
      return .failure(ResolveError(host: host, code: EAI_NONAME, reason: "a host's name is not empty, and has no NUL"))
    }
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, nil, &hints, &list)
    guard code == 0 else {
      // The C library's own texts, which stay where they are.
      let text = code == EAI_SYSTEM ? unsafe strerror(errno) : unsafe UnsafeMutablePointer(mutating: gai_strerror(code))
      let reason = unsafe text.map { unsafe String(cString: $0) } ?? "unknown"
      return .failure(ResolveError(host: host, code: code, reason: reason))
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var entry = unsafe list
    while let current = unsafe entry {
      if let address = unsafe address(current.pointee) { found.append(address) }
      unsafe entry = current.pointee.ai_next
    }
    return .success(found)
  }

  private static func address(_ entry: addrinfo) -> SocketAddress? {
    guard let bytes = unsafe entry.ai_addr else { return nil }
    var storage = sockaddr_storage()
    // As many bytes as the entry says that its address has, and no more than there is room for.
    unsafe withUnsafeMutableBytes(of: &storage) { room in
      let count = unsafe min(Int(entry.ai_addrlen), room.count)
      unsafe room.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
    }
    return unsafe SocketAddress(storage, length: entry.ai_addrlen)
  }
}
