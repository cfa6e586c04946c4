#!/usr/bin/env python3
"""Talks to an echo server and compares every byte that comes back. Plain sockets and threads: nothing of this package.

    demo-client.py PORT [--host HOST] [--connections N] [--seed N]

Each connection sends messages of 1 byte to 8 MiB, cut into chunks of random sizes. It first waits for each small reply;
then it sends everything else without waiting while another thread reads; at the end it shuts down its sending side while
replies are still out, and expects the rest and then the end of the stream. The last line tells the totals.
"""

import argparse
import random
import socket
import sys
import threading
import time

SMALL = [1, 2, 3, 63, 64, 65, 1000, 1460, 4095, 4096, 4097]
LARGE = [16_384, 65_535, 65_536, 65_537, 262_144, 1 << 20, (3 << 20) + 1, 8 << 20]


class Client:
    def __init__(self, number, options):
        self.random = random.Random(options.seed * 1000 + number)
        self.address = (options.host, options.port)
        self.seconds = options.timeout
        self.messages = self.sent = self.received = self.chunks = self.reads = 0
        self.failure = None

    def run(self):
        try:
            with socket.create_connection(self.address, timeout=self.seconds) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.talk(connection)
        except Exception as error:  # any failure is the answer that we are here for
            self.failure = error

    def talk(self, connection):
        sizes = SMALL + self.random.choices(SMALL, k=200)
        self.random.shuffle(sizes)
        for size in sizes:
            message = self.random.randbytes(size)
            self.send(connection, message)
            self.expect(connection, message)
        sizes = LARGE + self.random.choices(SMALL, k=50)
        self.random.shuffle(sizes)
        stream = b"".join(self.random.randbytes(size) for size in sizes)
        self.messages += len(sizes)
        failure = []

        def write():
            try:
                self.send(connection, stream, count=0)
                connection.shutdown(socket.SHUT_WR)
            except OSError as error:
                failure.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.expect(connection, stream)
            rest = connection.recv(1)
            if rest:
                raise AssertionError("more came back than was sent")
        finally:
            if sys.exc_info()[0]:
                connection.close()
            writer.join()
        if failure:
            raise failure[0]

    def send(self, connection, data, count=1):
        view, at = memoryview(data), 0
        while at < len(view):
            # Mostly large pieces, but now and then a handful of bytes.
            most = self.random.choice([7, 1500, 64 << 10, 1 << 20])
            size = self.random.randint(1, most)
            connection.sendall(view[at : at + size])
            self.chunks += 1
            at += size
        self.sent += len(data)
        self.messages += count

    def expect(self, connection, data):
        view, at, buffer = memoryview(data), 0, bytearray(1 << 18)
        while at < len(view):
            count = connection.recv_into(buffer, min(len(buffer), len(view) - at))
            if count == 0:
                raise AssertionError(f"the server closed after {at} of {len(view)} bytes")
            if memoryview(buffer)[:count] != view[at : at + count]:
                wrong = next(i for i in range(count) if buffer[i] != view[at + i])
                raise AssertionError(f"byte {at + wrong} of {len(view)} came back as {buffer[wrong]}, not {view[at + wrong]}")
            at += count
            self.received += count
            self.reads += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=30, help="seconds that one read or write may take")
    options = parser.parse_args()
    started = time.monotonic()
    clients = [Client(number, options) for number in range(options.connections)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [client for client in clients if client.failure]
    for client in failed:
        print(f"connection {clients.index(client)}: {type(client.failure).__name__}: {client.failure}", file=sys.stderr)
    total = lambda name: sum(getattr(client, name) for client in clients)
    if not failed and total("sent") != total("received"):
        sys.exit("what was sent and what came back differ in number")
    print(f"client: {len(clients)} connections, {total('messages')} messages of 1 byte to 8 MiB in {total('chunks')} chunks, "
          f"{time.monotonic() - started:.1f} s; {len(failed)} connections failed")
    print(f"client: bytes sent {total('sent')}, bytes back {total('received')}, "
          + ("a difference was found" if failed else "every one compared and equal"))
    sys.exit(1 if failed else 0)


main()
