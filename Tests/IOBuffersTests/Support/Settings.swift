import Foundation
import Glibc

/// What the environment asks of this run, and what the process was built with.
enum Settings {
  static func integer(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  static let isThreadSanitized = hasSymbol("__tsan_init")
  static let isAddressSanitized = hasSymbol("__asan_init")

  /// `SLUICE_SHORT=1`: the short forms of the long tests.
  static let isShort = integer("SLUICE_SHORT") == 1

  /// Heavy tests divide their repetitions by this.
  static let slowdown = (isThreadSanitized ? 10 : isAddressSanitized ? 3 : 1) * (isShort ? 2 : 1)

  /// Repetitions of a randomized or racing test: `SLUICE_TEST_EFFORT` (default 1) multiplies them.
  static func repetitions(_ count: Int) -> Int {
    max(1, count * (integer("SLUICE_TEST_EFFORT") ?? 1) / slowdown)
  }

  /// What every exhaustive test adds to its depth: `SLUICE_MODEL_DEPTH`. One more takes about eight times as long, and
  /// one less is the rule under a sanitizer and in the short form.
  static let extraDepth = integer("SLUICE_MODEL_DEPTH") ?? (isThreadSanitized || isAddressSanitized || isShort ? -1 : 0)

  /// The seed of this run: `SLUICE_TEST_SEED`, or a new one every time. Tests print it when they fail.
  static let seed: UInt64 =
    integer("SLUICE_TEST_SEED").map { UInt64(bitPattern: Int64($0)) } ?? UInt64.random(in: 0..<1 << 48)

  /// A function of a sanitizer's runtime, found in the running process.
  static func symbol(_ name: String) -> UnsafeMutableRawPointer? {
    unsafe dlsym(nil, name)
  }

  private static func hasSymbol(_ name: String) -> Bool {
    unsafe symbol(name) != nil
  }
}
