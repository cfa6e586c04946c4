/// The sizes and times of a simulated network.
package struct NetworkLimits: Sendable {
  /// The first descriptor: higher than those of the real kernel, so that each is known for what it is.
  package var firstDescriptor: Int32 = 1000
  /// How many descriptors a process may have.
  package var descriptors = 100_000
  package var sendCapacity = 256 << 10
  package var receiveCapacity = 128 << 10
  /// How long a segment takes at least, in nanoseconds.
  package var latency: UInt64 = 5000
  /// How long a system call takes, so that time goes on where nobody waits.
  package var callTime: UInt64 = 200
  /// When the first SYN is repeated; each further one waits twice as long. See tcp(7), tcp_syn_retries.
  package var connectRetry: UInt64 = 1_000_000_000
  package var connectRetries = 6

  package init() {}
}
