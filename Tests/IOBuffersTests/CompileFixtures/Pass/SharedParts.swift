// Parts in arrays, dictionaries, closures and tasks.
import IOBuffers

func parts(_ view: consuming ReadView) throws(BufferError) -> [SharedView] {
  var parts: [SharedView] = []
  while !view.isEmpty {
    let rest = try view.split(at: min(4, view.count))
    parts.append(SharedView(view))
    view = rest
  }
  return parts
}

final class Cache {
  private var values: [String: SharedView] = [:]

  func set(_ key: String, _ value: consuming ByteQueue, _ arena: BufferArena) throws(BufferError) {
    values[key] = SharedView(try value.joined(from: arena))
  }

  func get(_ key: String) throws(BufferError) -> ReadView? {
    try values[key]?.view()
  }
}

func inTask(_ view: consuming ReadView) async throws -> Int {
  let shared = SharedView(view)
  return try await Task { try shared.view().count }.value
}
