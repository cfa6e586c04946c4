"""The WebSocket server, as a client written from RFC 6455 sees it."""

import base64
import hashlib
import os
import struct

from bridge import Server, ServerTests, beside, digest, joined, run

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


class WebSocket:
    def __init__(self, server):
        self.client = server.connect()
        key = base64.b64encode(os.urandom(16))
        self.client.send(b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
        head = self.client.until(b"\r\n\r\n").decode().lower()
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode().lower()
        assert head.startswith("http/1.1 101 ") and f"sec-websocket-accept: {accept}\r\n" in head, head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    @staticmethod
    def frame(opcode, data, fin=True):
        mask = os.urandom(4)
        size = len(data)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 1 << 16:
            length = bytes([0x80 | 126]) + struct.pack(">H", size)
        else:
            length = bytes([0x80 | 127]) + struct.pack(">Q", size)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = (int.from_bytes(data, "big") ^ key).to_bytes(size, "big")
        return bytes([(0x80 if fin else 0) | opcode]) + length + mask + masked

    def send(self, opcode, data, fin=True):
        return self.client.send(self.frame(opcode, data, fin))

    def receive(self):
        """(opcode, data, whether it is the last frame); None at the end."""
        head = self.client.read(2)
        if len(head) < 2:
            return None
        assert not head[1] & 0x80, "a server does not mask"
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.client.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.client.read(8))[0]
        return head[0] & 0x0F, self.client.read(size), bool(head[0] & 0x80)


class WebSocketTests(ServerTests):
    name = "RingWebSocket"

    @classmethod
    def check(cls, server):
        with WebSocket(server) as web:
            web.send(TEXT, b"alive")
            assert web.receive() == (TEXT, b"alive", True)
            web.send(CLOSE, struct.pack(">H", 1000))
            assert web.receive() == (CLOSE, struct.pack(">H", 1000), True)
            assert web.receive() is None

    def test_messages_of_all_sizes(self):
        with WebSocket(self.server) as web:
            for size in (0, 1, 125, 126, 65_535, 65_536, 1 << 20):
                data = os.urandom(size)
                sender = beside(lambda: web.send(BINARY, data))
                opcode, got, fin = web.receive()
                joined(sender)
                self.assertEqual((opcode, len(got), digest(got), fin), (BINARY, size, digest(data), True))

    def test_a_message_in_parts_with_a_ping_between(self):
        with WebSocket(self.server) as web:
            web.send(TEXT, b"first", fin=False)
            web.send(PING, b"are you there")
            web.send(CONTINUATION, b"last")
            self.assertEqual([web.receive() for _ in range(3)],
                             [(TEXT, b"first", False), (PONG, b"are you there", True), (CONTINUATION, b"last", True)])

    def test_frames_in_single_bytes(self):
        with WebSocket(self.server) as web:
            web.client.send_in_pieces(web.frame(TEXT, b"in pieces"))
            self.assertEqual(web.receive(), (TEXT, b"in pieces", True))

    def test_many_frames_in_a_row(self):
        with WebSocket(self.server) as web:
            sender = beside(lambda: web.client.send(b"".join(web.frame(TEXT, b"%d" % number) for number in range(5000))))
            for number in range(5000):
                self.assertEqual(web.receive(), (TEXT, b"%d" % number, True))
            joined(sender)

    def test_a_plain_request_is_refused(self):
        got = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", f"http://127.0.0.1:{self.server.port}/")
        self.assertEqual(got, b"426")

    def test_clients_that_reset_in_the_middle_of_a_frame(self):
        for size in (1, 3, 1000):
            web = WebSocket(self.server)
            web.client.send(web.frame(BINARY, bytes(100_000))[:size])
            web.client.reset()
        self.check(self.server)

    def test_a_stop_is_said_to_clients(self):
        server = Server(self.name)
        with WebSocket(server) as web:
            web.send(TEXT, b"hello")
            self.assertEqual(web.receive(), (TEXT, b"hello", True))
            server.signal()
            self.assertEqual(web.receive(), (CLOSE, struct.pack(">H", 1001), True))
            web.send(CLOSE, struct.pack(">H", 1001))
            self.assertIsNone(web.receive())
        self.assertTrue(server.wait().endswith("stopped\n"))
