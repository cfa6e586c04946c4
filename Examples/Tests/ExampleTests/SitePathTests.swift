import HTTP1
import Testing

@testable import WebServer

struct SitePathTests {
  @Test func pathsStayBelowTheDirectory() {
    #expect(path("/a%20b/c.txt") == "a b/c.txt")
    #expect(path("/") == "index.html" && path("/a/") == "a/index.html")
    for text in [
      "", "*", "a", "//a", "/../a", "/a/../b", "/%2e%2e/a", "/a%2f..%2fb", "/.a", "/a/.b", "/%00", "/%", "/%g0", "/%+0",
      "/%ff", "/%2fa", "/a%2f%2fb", "/a%2f.b",
    ] {
      #expect(path(text) == nil, "\(text)")
    }
  }

  private func path(_ text: String) -> String? {
    var head = RequestHead()
    head.path = text
    return SitePath(head.decodedPath)?.text
  }
}
