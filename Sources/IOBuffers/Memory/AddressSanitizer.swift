/// The address sanitizer's manual poisoning, when this process runs under it.
///
/// Pooled memory is mapped once and reused for ever, so without help the sanitizer cannot see a use after release.
/// Poisoning idle slots, and slots that the kernel may write to, makes it see one.
package enum AddressSanitizer {
  private typealias Mark = @convention(c) (UnsafeRawPointer, Int) -> Void

  // Looked up instead of linked: the functions exist only in a sanitized process.
  private static let poisonFunction = unsafe lookUp("__asan_poison_memory_region")
  private static let unpoisonFunction = unsafe lookUp("__asan_unpoison_memory_region")

  private static let isPoisonedFunction = unsafe Platform.symbol("__asan_address_is_poisoned").map { symbol in
    // Sound: the name has this signature (sanitizer/asan_interface.h).
    unsafe unsafeBitCast(symbol, to: (@convention(c) (UnsafeRawPointer) -> CInt).self)
  }

  private static func lookUp(_ name: StaticString) -> Mark? {
    // Sound: the two names have this signature (sanitizer/asan_interface.h).
    guard let address = unsafe Platform.symbol(name) else { return nil }
    return unsafe unsafeBitCast(address, to: Mark.self)
  }

  /// Whether this process runs under the address sanitizer. Slot headers keep a copy for the fast paths.
  package static let isLoaded = unsafe poisonFunction != nil && unpoisonFunction != nil

  /// Makes every access to the bytes an error.
  package static func poison(_ base: UnsafeMutableRawPointer, _ count: Int) {
    // Sound: changes what the sanitizer knows of the bytes, not the bytes.
    unsafe poisonFunction?(base, count)
  }

  /// Allows access to the bytes.
  package static func unpoison(_ base: UnsafeMutableRawPointer, _ count: Int) {
    // Sound: changes what the sanitizer knows of the bytes, not the bytes.
    unsafe unpoisonFunction?(base, count)
  }

  /// Whether an access to the byte is an error.
  package static func isPoisoned(_ base: UnsafeMutableRawPointer) -> Bool {
    // Sound: asks what the sanitizer knows of the byte.
    unsafe (isPoisonedFunction?(base) ?? 0) != 0
  }
}
