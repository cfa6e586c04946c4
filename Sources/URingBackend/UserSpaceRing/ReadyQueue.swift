import DequeModule

/// Descriptors that are worth another try without a further report, first come, first served. Each stands in it once,
/// which its state notes, so it holds no more than there are descriptors.
typealias ReadyQueue = Deque<Int32>
