// Written by the suite: see RecordedAnswers.swift.

extension RecordedAnswers {
  static let sends = """
    # a small send goes out at once
    | send: all
    | peer: 100 bytes, no end
    # a send of nothing is done at once
    | send: all
    # sends of one batch go out in order
    | send 0: all
    | send 1: all
    | send 2: all
    | send 3: all
    | send 4: all
    | send 5: all
    | send 6: all
    | send 7: all
    | peer: 828 bytes, no end
    # a large send waits until the peer has read it
    | send: all
    | peer: 400000 bytes, no end
    # a large send that need not be whole is short
    | send: a part
    | shutdown: 0
    | peer: what was sent, the end
    # a send that need not be whole waits for room
    | first: a part
    | filler: a part
    | cancel: 0
    | second: all
    | peer: what was sent, no end
    # a cancelled send has sent a part
    | cancel: 0
    | send: a part
    | shutdown: 0
    | peer: what was sent, the end
    # a cancelled send that has sent nothing
    | cancel first: 0
    | first: a part
    | cancel second: 0
    | second: ECANCELED
    | shutdown: 0
    | peer: what was sent, the end
    # a stream goes on after a cancelled send
    | first: a part
    | cancel: 0
    | second: all
    | peer: what was sent, no end
    # a reset ends a send that has sent a part
    | send: a part
    | next: EPIPE
    | receive: end
    # a reset ends a send that has sent nothing
    | first: a part
    | cancel: 0
    | second: ECONNRESET
    # a reset meets an armed receive and a waiting send
    | receive: end
    | send: a part
    # a reset meets a waiting send and a later receive
    | send: a part
    | receive: ECONNRESET
    # a reset meets a receive that had bytes and a waiting send
    | receive: 10, buffer 0, more
    | receive: end
    | send: a part
    # a reset meets a send that had room and a receive
    | send: a part
    | receive: end
    # a send after a reset takes the error
    | first: ECONNRESET
    | second: EPIPE
    | receive: end
    # a send after the peer's reset behind its bytes
    | send: ECONNRESET
    | first: 10, buffer 0
    | second: end
    # one's own end of output ends a waiting send
    | send: a part
    | shutdown: 0
    | peer: what was sent, the end
    # a large send and the end of output in one batch
    | send: a part
    | shutdown: 0
    | peer: what was sent, the end
    # a small send and the end of output in one batch
    | send: all
    | shutdown: 0
    | peer: 100 bytes, the end
    # a send after one's own end of output is refused
    | shutdown: 0
    | send: EPIPE
    # a peer that has ended its stream still reads
    | receive: end
    | send: all
    | shutdown: 0
    | peer: 400000 bytes, the end
    # a send on what is no connected socket is refused
    | not connected: EPIPE
    | not a socket: ENOTSOCK
    | closed: EBADF
    """
}
