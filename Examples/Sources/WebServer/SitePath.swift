/// Where a file is below the directory that is served.
struct SitePath {
  let text: String

  /// - Parameter path: of a request. Nil if it leads elsewhere, or nowhere.
  init?(_ path: String?) {
    guard let path, path.hasPrefix("/"), !path.utf8.contains(0) else { return nil }
    let parts = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    // Hidden files stay hidden, and .. leads out. What links lead to, the kernel looks at.
    guard parts.dropLast().allSatisfy({ !$0.isEmpty }), parts.allSatisfy({ $0.first != UInt8(ascii: ".") })
    else { return nil }
    text = path.dropFirst() + (path.hasSuffix("/") ? "index.html" : "")
  }
}
