/// Byte by byte through typed pointers, in this module: in debug builds the thread sanitizer sees no other accesses.
enum PlainAccess {
  static func read(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return [] }
      let pointer = unsafe base.assumingMemoryBound(to: UInt8.self)
      var result: [UInt8] = []
      result.reserveCapacity(bytes.count)
      var offset = 0
      while offset < bytes.count {
        unsafe result.append(pointer[offset])
        offset += 1
      }
      return result
    }
  }

  static func fill(_ span: inout MutableRawSpan, _ byte: UInt8) {
    unsafe span.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let pointer = unsafe base.assumingMemoryBound(to: UInt8.self)
      var offset = 0
      while offset < bytes.count {
        unsafe pointer[offset] = byte
        offset += 1
      }
    }
  }
}
