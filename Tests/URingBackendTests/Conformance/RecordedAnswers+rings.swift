// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let rings = """
    # a cancel of a receive answers first
    | cancel: 0
    | receive: ECANCELED
    | again: ENOENT
    # a receive and its cancel in one batch
    | cancel: 0
    | receive: ECANCELED
    # a cancel that comes before its target finds nothing
    | cancel: ENOENT
    | receive: 3, buffer 0, more
    # a cancel of what has ended finds nothing
    | send: all
    | cancel: ENOENT
    | unknown: ENOENT
    # bytes that come before a cancel stay in the stream
    | cancel: 0
    | receive: ECANCELED
    | next: 5, buffer 0, more
    # bytes that come after a cancel go to the next receive
    | receive: ECANCELED
    | cancel: 0
    | next: 5, buffer 0, more
    # two cancels of one receive
    | first: 0
    | second: 0
    | receive: ECANCELED
    # what is cancelled ends behind the batch
    | cancel: 0
    | first: 0
    | cancel all: 1
    | second: 0
    | one: ECANCELED
    | other: ECANCELED
    # a close and a cancel of its receive in one batch
    | receive: ECANCELED
    | cancel: 0
    | close: 0
    | peer: 0 bytes, the end
    # a cancel of everything on a descriptor
    | receive: ECANCELED
    | send: a part
    | poll: ECANCELED
    | cancel: 3
    | again: 0
    | closed: EBADF
    # a poll tells of bytes and leaves them
    | poll: in
    | at once: in
    | receive: 5, buffer 0
    # a poll tells of the peer's end
    | end: peer's end
    | reset: peer's end and error and hang-up
    # a poll finds an end that has come
    | end: peer's end
    | reset: peer's end and error and hang-up
    # a poll for the end outlives bytes
    | receive: 5, buffer 0, more
    | receive: end
    | poll: peer's end
    | poll: is armed
    # a poll tells of room
    | at once: out
    | send: a part
    | cancel: 0
    | poll: out
    | poll: is armed
    # a poll can be cancelled
    | cancel: 0
    | poll: ECANCELED
    # a poll of a closed descriptor is refused
    | poll: EBADF
    # a read of an event waits for the signal
    | read: 8
    | at once: 8
    | cancelled: ECANCELED
    | cancel: 0
    # a full submission queue is submitted on the way
    | send 0: all
    | nothing 1: 0
    | nothing 2: 0
    | nothing 3: 0
    | nothing 4: 0
    | send 5: all
    | nothing 6: 0
    | nothing 7: 0
    | nothing 8: 0
    | nothing 9: 0
    | send 10: all
    | nothing 11: 0
    | nothing 12: 0
    | nothing 13: 0
    | nothing 14: 0
    | send 15: all
    | nothing 16: 0
    | nothing 17: 0
    | nothing 18: 0
    | nothing 19: 0
    | peer: 40 bytes, no end
    # completions that the queue has no room for come later
    | nothing 0: 0
    | nothing 1: 0
    | nothing 2: 0
    | nothing 3: 0
    | nothing 4: 0
    | nothing 5: 0
    | nothing 6: 0
    | nothing 7: 0
    | nothing 8: 0
    | nothing 9: 0
    | nothing 10: 0
    | nothing 11: 0
    | nothing 12: 0
    | nothing 13: 0
    | nothing 14: 0
    | nothing 15: 0
    | nothing 16: 0
    | nothing 17: 0
    | nothing 18: 0
    | nothing 19: 0
    | nothing 20: 0
    | nothing 21: 0
    | nothing 22: 0
    | nothing 23: 0
    | nothing 24: 0
    | nothing 25: 0
    | nothing 26: 0
    | nothing 27: 0
    | nothing 28: 0
    | nothing 29: 0
    | nothing 30: 0
    | nothing 31: 0
    | nothing 32: 0
    | nothing 33: 0
    | nothing 34: 0
    | nothing 35: 0
    | nothing 36: 0
    | nothing 37: 0
    | nothing 38: 0
    | nothing 39: 0
    | queue: overflows
    | queue: has room
    # a full completion queue costs no bytes
    | nothing 0: 0
    | nothing 1: 0
    | nothing 2: 0
    | nothing 3: 0
    | nothing 4: 0
    | nothing 5: 0
    | nothing 6: 0
    | nothing 7: 0
    | received: 160 bytes
    # a busy receive lets others in
    | other: before the end of busy
    # an unknown operation fails alone
    | before: 0
    | unknown: EINVAL
    | after: 0
    # nothing comes of nothing
    | nothing: 0
    """
}
