// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let vectors = """
    # vectors go out in order
    | send: all
    | nothing: all
    | peer: 231 bytes, no end
    # vectors that wait are copied at submission
    | send: all
    | peer: what was sent, no end
    # vectors that have sent nothing are copied at submission
    | first: a part
    | cancel: 0
    | second: all
    | peer: what was sent, no end
    # vectors that need not be whole are short
    | send: a part
    | shutdown: 0
    | peer: what was sent, the end
    # a reset ends vectors that wait
    | send: a part
    | next: EPIPE
    # a large send and its cancel in one batch
    | cancel: ENOENT
    | send: all
    | send: is armed
    # bytes come in while a send waits
    | send: all
    | receive: 10, buffer 0, more
    | receive: 10, buffer 1, more
    | receive: 10, buffer 2, more
    | receive: end
    | peer: 400000 bytes, no end
    # cancelled vectors have sent a part
    | cancel: 0
    | send: a part
    | shutdown: 0
    | peer: what was sent, the end
    """
}
