internal import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension FeatureProbe {
  /// One submission that accepts several connections.
  func probeAccept() throws(RingError) {
    let listener = try makeSocket()
    var address = sockaddr_storage()
    address.ss_family = sa_family_t(AF_UNIX)
    var length = socklen_t(MemoryLayout<sa_family_t>.size)
    // A Unix socket that is bound to no name gets an unused one outside the file system: unix(7), autobind.
    // The address is a variable of this call, larger than any that is written to it: `length` says so. Likewise below.
    try unsafe check("bind", withAddress(&address) { unsafe bind(listener.rawValue, $0, length) })
    try check("listen", listen(listener.rawValue, 4))
    length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try unsafe check("getsockname", withAddress(&address) { unsafe getsockname(listener.rawValue, $0, &length) })

    let userData = makeUserData()
    _ = ring.prepareAcceptMultishot(listener.rawValue, userData: userData)
    for _ in 0..<2 {
      let client = try makeSocket()
      try unsafe check("connect", withAddress(&address) { unsafe connect(client.rawValue, $0, length) })
      guard let completion = try completion(of: userData) else {
        features.record(.multishotAccept, error: ETIME)
        return
      }
      if completion.result >= 0 { sockets.append(FileDescriptor(rawValue: completion.result)) }
      guard completion.result >= 0, completion.hasMore else {
        features.record(.multishotAccept, error: completion.result < 0 ? -completion.result : EOPNOTSUPP)
        return
      }
    }
    features.record(.multishotAccept, error: 0)
    try endOperation(userData, on: listener)
  }
}
