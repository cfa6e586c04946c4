extension TCPConnection {
  /// Half-close: a FIN follows what is queued; receiving goes on until the peer ends its stream. See shutdown(2).
  ///
  /// Returns at once. Sending throws `.closed` from now on.
  public func closeOutput() async {
    await onLoop { engine, id in
      if let index = engine.find(id) { engine.endOutput(index) }
    }
  }

  /// Closes gracefully: what is queued goes out, then the FIN; the descriptor closes when the peer has ended its side
  /// or its time (`ConnectionLimits.lingerTimeout`) is up. Returns when all that is done. Closing twice is harmless. A call of
  /// `receive` that waits, on whichever task, throws `.closed` at once; what still arrives is discarded.
  ///
  /// The task that a server runs for a connection need not call it: returning does the same.
  public func close() async {
    await end { $0.close($1) }
  }

  /// Closes at once: what is queued is dropped, waiting calls throw `.closed`, and the peer sees a reset, so that it cannot
  /// take a cut stream for a whole one (RFC 9293, 3.10.5); over a Unix socket it can, because all that it sees there is an
  /// end. Returns when the descriptor is closed and the kernel has given every view back.
  public func abort() async {
    await end { $0.abort($1, .closed) }
  }

  private func end(_ body: @escaping @Sendable (StreamEngine, Int) -> Void) async {
    // Resumed at once, or by the record's end, which comes once.
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute { [engine, sink, id] in
        guard let index = engine.find(id) else {
          unsafe continuation.resume()
          return
        }
        sink.states[index].closers.append { unsafe continuation.resume() }
        body(engine, index)
      }
    }
  }
}
