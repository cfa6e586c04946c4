// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let buffers = """
    # an empty ring ends a receive at once
    | multishot: ENOBUFS
    | once: ENOBUFS
    # an empty ring leaves the bytes in the socket
    | empty: ENOBUFS
    | filled: 30, buffer 1, more
    # a group that is not there ends a receive
    | receive: ENOBUFS
    # a receive goes on until the ring is empty
    | receive: 64, buffer 0, more
    | receive: 64, buffer 1, more
    | receive: 64, buffer 2, more
    | receive: 64, buffer 3, more
    | receive: ENOBUFS
    | again: 44, buffer 2, more
    # bytes that fill the last buffer leave the receive armed
    | receive: 64, buffer 0, more
    | receive: 10, buffer 0, more
    # waiting bytes that fill the last buffer leave the receive armed
    | receive: 64, buffer 0, more
    | receive: ENOBUFS
    | receive: is armed
    # a receive that waits ends when bytes meet an empty ring
    | receive: 10, buffer 0, more
    | receive: ENOBUFS
    # the end of a stream meets an empty ring
    | receive: 10, buffer 0, more
    | receive: ENOBUFS
    | again: end
    # a reset meets an empty ring
    | receive: 10, buffer 0, more
    | receive: ENOBUFS
    | again: ECONNRESET
    # a ring that is filled again feeds a receive that waits
    | receive: 5, buffer 2, more
    | receive: 64, buffer 0, more
    | receive: 36, buffer 1, more
    # a ring may wrap
    | receive: 1, buffer 0, more
    | receive: 2, buffer 1, more
    | receive: 3, buffer 2, more
    | receive: 4, buffer 0, more
    | receive: 5, buffer 1, more
    | receive: 6, buffer 2, more
    | receive: 7, buffer 0, more
    | receive: 8, buffer 1, more
    | receive: 9, buffer 2, more
    | receive: 10, buffer 0, more
    | receive: 11, buffer 1, more
    | receive: 12, buffer 2, more
    | receive: 13, buffer 0, more
    | receive: 14, buffer 1, more
    | receive: 15, buffer 2, more
    | receive: 16, buffer 0, more
    | receive: 17, buffer 1, more
    | receive: 18, buffer 2, more
    | receive: 19, buffer 0, more
    | receive: 20, buffer 1, more
    | receive: 21, buffer 2, more
    | receive: 22, buffer 0, more
    | receive: 23, buffer 1, more
    | receive: 24, buffer 2, more
    | receive: 25, buffer 0, more
    | receive: 26, buffer 1, more
    | receive: 27, buffer 2, more
    | receive: 28, buffer 0, more
    | receive: 29, buffer 1, more
    | receive: 30, buffer 2, more
    | receive: 31, buffer 0, more
    | receive: 32, buffer 1, more
    | receive: 33, buffer 2, more
    | receive: 34, buffer 0, more
    | receive: 35, buffer 1, more
    | receive: 36, buffer 2, more
    | receive: 37, buffer 0, more
    | receive: 38, buffer 1, more
    | receive: 39, buffer 2, more
    | receive: 40, buffer 0, more
    # receives of two connections share a ring
    | one: 64, buffer 1, more
    | one: 6, buffer 2, more
    | other: 3, buffer 0, more
    | other: 4, buffer 3, more
    | other: ENOBUFS
    # an incremental buffer is filled by one receive after the other
    | receive: 5000, buffer 0 goes on, more
    | receive: 3192, buffer 0, more
    | receive: 1808, buffer 1 goes on, more
    | receive: 6384, buffer 1, more
    | receive: ENOBUFS
    # waiting bytes are split at an incremental buffer's end
    | receive: 100, buffer 0, more
    | receive: 100, buffer 1, more
    | receive: 50, buffer 2 goes on, more
    | receive: 50, buffer 2, more
    | receive: ENOBUFS
    # a half-used buffer stays with the ring at a stream's end
    | one: 100, buffer 0 goes on, more
    | one: end
    | other: 156, buffer 0, more
    | other: 44, buffer 1 goes on, more
    # receives once go on in an incremental buffer
    | first: 10, buffer 0 goes on
    | second: 50, buffer 0 goes on
    | third: 4, buffer 0
    | fourth: 36, buffer 1 goes on
    # a limit ends a receive
    | receive: 64, buffer 0, more
    | receive: 64, buffer 1
    | again: 64, buffer 2
    # a limit counts over several writes
    | receive: 25, buffer 0, more
    | receive: 25, buffer 1, more
    | receive: 25, buffer 2, more
    | receive: 25, buffer 3
    # a limit holds in incremental buffers
    | receive: 512, buffer 0
    # a stream ends before a limit
    | receive: 25, buffer 0, more
    | receive: end
    """
}
