/// What a program must never do with a ring, whatever the kernel makes of it. Only simulated systems ask for these checks.
package enum RingRule: String, Sendable {
  case twoReceives = "a receive is armed on a descriptor that has one"
  case twoSends = "a send is in flight on a descriptor that has one"
  case closedWithOperations = "a descriptor is closed while the kernel holds operations on it"
  case postedTwice = "memory is posted that is posted already"
  case postsMemoryBeingSent = "memory is posted that a zero-copy send may still read"
  case sendsPostedMemory = "a send reads memory that is posted, so that the kernel may write to it"
  case armsOnEmptyRing = "a receive is armed again and again on a ring that is known to be empty"
}
