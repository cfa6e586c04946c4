// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let datagrams = """
    # each datagram has a buffer and a header
    | receive: 1 bytes, name 16, control 0, buffer 0, more
    | receive: 100 bytes, name 16, control 0, buffer 1, more
    | receive: 200 bytes, name 16, control 0, buffer 2, more
    | receive: is armed
    # datagrams that wait are taken at once
    | receive: 1 bytes, name 16, control 0, buffer 0, more
    | receive: 2 bytes, name 16, control 0, buffer 1, more
    | receive: 3 bytes, name 16, control 0, buffer 2, more
    | receive: is armed
    # a datagram without bytes ends a receive of messages
    | first: 1 bytes, name 16, control 0, buffer 0, more
    | first: 0 bytes, name 16, control 0, buffer 1
    | second: 2 bytes, name 16, control 0, buffer 2, more
    | second: is armed
    # a datagram that is too long is cut
    | receive: 80 bytes, name 16, control 0, buffer 0, cut, more
    | receive: 5 bytes, name 16, control 0, buffer 1, more
    # a name that is too long says how long it is
    | receive: 5 bytes, name 16, control 0, buffer 0, more
    # datagrams wait for a buffer
    | first: 1 bytes, name 16, control 0, buffer 0, more
    | first: ENOBUFS
    | second: 2 bytes, name 16, control 0, buffer 1, more
    | second: is armed
    # a buffer without room for a header takes nothing
    | receive: EFAULT
    # a receive of messages is cancelled
    | receive: ECANCELED
    | cancel: 0
    # a port that nobody listens on ends a receive of messages
    | receive: ECONNREFUSED
    | send: all
    # one datagram is received into memory of one's own
    | first: 30
    | second: 100
    | third: 0
    # datagrams go where they say
    | first: all
    | second: all
    | third: all
    | peer: 10 bytes
    | peer: 0 bytes
    | peer: 1400 bytes
    # a datagram that cannot be sent says why
    | too long: EMSGSIZE
    | to nobody: EDESTADDRREQ
    # a receive of messages needs buffers
    | receive: ENOBUFS
    | receive: has ended
    """
}
