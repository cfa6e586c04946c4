// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let receives = """
    # a multishot receive delivers each write
    | receive: 5, buffer 0, more
    | receive: 10, buffer 1, more
    | receive: 15, buffer 2, more
    | receive: ECANCELED
    | cancel: 0
    # a multishot receive takes at once what waits
    | receive: 64, buffer 0, more
    | receive: 36, buffer 1, more
    # a receive says whether the socket has more
    | first: 64, buffer 0, socket has more
    | others: 64, buffer 1, socket has more, more
    | others: 22, buffer 2, socket is empty, more
    # a receive into memory of one's own takes what is there
    | exact: 40
    | less: 60
    # a receive into memory of one's own waits
    | receive: 7
    | cancelled: ECANCELED
    | cancel: 0
    | next: 9
    # a receive into memory of one's own sees the end
    | armed: 5
    | end: end
    | reset: ECONNRESET
    # a standing receive gives way to one into memory of one's own
    | standing: 10, buffer 0, more
    | standing: ECANCELED
    | cancel: 0
    | own: 20
    | again: 30, buffer 1, more
    # the stream's end follows its last bytes
    | receive: 5, buffer 0, more
    | receive: end
    # bytes and the end wait for a receive
    | receive: 5, buffer 0, more
    | receive: end
    # a receive says that the end has come
    | receive: 5, buffer 0, socket has more, more
    | receive: end, socket has more
    # the end of a stream without bytes takes no buffer
    | receive: end, socket has more
    | other: 7, buffer 0, more
    # a reset ends an armed receive
    | receive: ECONNRESET
    # a reset follows the bytes that were received
    | receive: 5, buffer 0, more
    | receive: ECONNRESET
    # bytes and a reset wait for a receive
    | receive: 64, buffer 0, more
    | receive: 36, buffer 1, more
    | receive: ECONNRESET
    | again: end
    # one's own end of input ends an armed receive
    | receive: end
    | shutdown: 0
    # a multishot receive goes on after one's own end of output
    | receive: 9, buffer 0, more
    | receive: end
    | shutdown: 0
    | peer: 0 bytes, the end
    # a receive once takes what waits, up to its length
    | ten: 10, buffer 0
    | a buffer: 64, buffer 1
    | the rest: 26, buffer 2
    # a receive once waits for bytes
    | receive: 3, buffer 0
    # receives once in turn take a stream in order
    | receive 0: 16, buffer 0
    | receive 1: 4, buffer 1
    | receive 2: 16, buffer 2
    | receive 3: 4, buffer 3
    | receive 4: 16, buffer 4
    | receive 5: 4, buffer 5
    # the end of a stream is told again and again
    | first: end
    | second: end
    | third: end
    # a reset is told once, and then the end
    | first: ECONNRESET
    | second: end
    # a receive of what is no connected socket is refused
    | not connected: ENOTCONN
    | not a socket: ENOTSOCK
    | closed: EBADF
    | negative: EBADF
    """
}
