// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let connections = """
    # a multishot accept takes each connection
    | accept: a connection, more
    | accept: a connection, more
    | accept: a connection, more
    | accept: ECANCELED
    | cancel: 0
    # an accept takes what waits
    | once: a connection
    | multishot: a connection, more
    | multishot: a connection, more
    # an accept once waits for one connection
    | accept: a connection
    | next: a connection
    | peers: 2
    # a cancelled accept leaves connections to the next
    | cancel: 0
    | accept: ECANCELED
    | next: a connection
    # an accept and its cancel in one batch
    | cancel: 0
    | accept: ECANCELED
    # a cancel of everything on a listener
    | accept: a connection, more
    | accept: ECANCELED
    | poll: ECANCELED
    | cancel: 2
    # a listener that is shut down ends every accept
    | first: EINVAL
    | second: EINVAL
    | shutdown: 0
    # an accept on what does not listen is refused
    | no listener: EINVAL
    | connected: EINVAL
    | no socket: ENOTSOCK
    | closed: EBADF
    # a connection that is reset before the accept is accepted
    | accept: a connection
    | receive: ECONNRESET
    # an accept without a descriptor to give fails
    | multishot: EMFILE
    | once: EMFILE
    # a connect is done when the listener has it
    | connect: 0
    | accept: a connection
    | send: all
    | receive: 10, buffer 0
    # a connect is refused where nobody listens
    | connect: ECONNREFUSED
    | send: EPIPE
    # a refused socket can connect elsewhere
    | refused: ECONNREFUSED
    | connect: 0
    # a connect that waits can be cancelled
    | cancel: 0
    | connect: ECANCELED
    | close: 0
    # a connect and its cancel in one batch
    | cancel: 0
    | connect: ECANCELED
    # a connect to the silent times out
    | connect: ETIMEDOUT
    # a connect of a connected socket is refused
    | again: EISCONN
    # a connect of what is no socket is refused
    | no socket: ENOTSOCK
    | closed: EBADF
    | listener: EISCONN
    # a shutdown of what is not connected is refused
    | not connected: ENOTCONN
    | no socket: ENOTSOCK
    | closed: EBADF
    | unknown: EINVAL
    # a shutdown may come again
    | first: 0
    | second: 0
    | peer: 0 bytes, the end
    # a close ends the peer's stream
    | send: all
    | close: 0
    | peer: 50 bytes, the end
    # a close with unread bytes resets the peer
    | close: 0
    | peer: 0 bytes, a reset
    # a close of what is not open is refused
    | closed: EBADF
    | negative: EBADF
    # a socket that is closed under a receive lives on
    | receive: 3, buffer 0, more
    | receive: ECANCELED
    | close: 0
    | cancel: 0
    # a number that is used again is a new connection
    | accept: a connection, more
    | accept: a connection, more
    | accept: a connection, more
    | accept: a connection, more
    | receive 1: 1, buffer 0, more
    | receive 1: ECONNRESET
    | close 1: 0
    | receive 2: 2, buffer 1, more
    | receive 2: end
    | close 2: 0
    | receive 3: 3, buffer 2, more
    | receive 3: ECONNRESET
    | close 3: 0
    | receive 4: 4, buffer 3, more
    | receive 4: end
    | close 4: 0
    """
}
