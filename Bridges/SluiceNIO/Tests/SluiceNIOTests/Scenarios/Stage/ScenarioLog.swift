import NIOConcurrencyHelpers
import NIOCore

/// What happened, track by track: a channel has one, and whatever else is to be told apart. Only the order within a track counts; that
/// between channels is for the scheduler to choose.
final class ScenarioLog: Sendable {
  // Not a `Mutex`, whose hand-over on Linux the thread sanitizer cannot see.
  private let tracks = NIOLockedValueBox<[String: [String]]>([:])

  func note(_ track: String, _ line: String) {
    tracks.withLockedValue { $0[track, default: []].append(line) }
  }

  /// Notes what becomes of a future.
  func follow<T>(_ future: EventLoopFuture<T>, _ track: String, _ what: String) {
    future.whenComplete { self.note(track, "\(what): \(describe($0))") }
  }

  /// Everything, each track below its name.
  var text: String {
    tracks.withLockedValue { tracks in
      tracks.keys.sorted().map { "\($0)\n" + (tracks[$0] ?? []).map { "  \($0)\n" }.joined() }.joined()
    }
  }

  func lines(of track: String) -> [String] { tracks.withLockedValue { $0[track] ?? [] } }
}

/// An error without what is told in other words elsewhere: of system calls only the number counts.
func describe(_ error: any Error) -> String {
  if let error = error as? IOError { return "errno \(error.errnoCode)" }
  return "\(error)"
}

func describe<T>(_ result: Result<T, any Error>) -> String {
  switch result {
  case .success: "done"
  case .failure(let error): describe(error)
  }
}

/// What a task's call comes to.
func outcome<T>(_ body: () async throws -> T) async -> Result<T, any Error> {
  do {
    return .success(try await body())
  } catch {
    return .failure(error)
  }
}
