import IOBuffers
import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// A process that some test starts has a copy of every descriptor until it executes its program (posix_spawn(3)). So what this
// process has closed may be open for a moment: its address is in use, and who goes there is not refused.

/// Calls `body` again as long as an address that it needs is in use. The test's time limit is the guard against a hang.
func onceFree<R>(_ body: () async throws -> R) async throws -> R {
  while true {
    do {
      return try await body()
    } catch let error as SocketError where error.errno == .addressInUse {
      try await Task.sleep(for: .milliseconds(1))
    }
  }
}

/// As `onceFree`, for what runs on a loop's thread: `body` returns an errno, 0 for none. An address that is in use for ten
/// seconds stays so.
func blockingOnceFree(_ body: () -> Int32) -> Int32 {
  for _ in 0..<10_000 {
    let code = body()
    if code != EADDRINUSE { return code }
    usleep(1000)
  }
  return EADDRINUSE
}

/// Waits until a connection to the address is refused.
func nobodyListens(at port: UInt16, on host: LoopbackHost) async throws {
  try await eventually {
    do { _ = try BlockingClient(port: port, host: host) } catch Errno.connectionRefused { return true }
    return false
  }
}

extension DatagramSocket {
  /// Sends a byte until the socket, which is connected, is told of an error.
  func errorOfSending(_ loop: EventLoop) async throws -> SocketError {
    while true {
      await send(try loop.view([1]))
      do throws(SocketError) {
        _ = try await receive(timeout: .milliseconds(50))
      } catch {
        if error.kind != .timedOut { return error }
      }
    }
  }
}
