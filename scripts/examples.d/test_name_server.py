"""The name server, as dig and people with bad intentions see it."""

import random
import socket
import struct
import unittest

from servers import PATIENCE, Server, run

RECORDS = ["www.example.test A 192.0.2.1", "www.example.test A 192.0.2.2", "www.example.test AAAA 2001:db8::1", "example.test TXT some text",
           "long.test TXT " + "x" * 300, "large.test TXT " + "y" * 900, "huge.test TXT " + "z" * 2000]


def name(text):
    return b"".join(bytes([len(label)]) + label for label in text.split(b".") if label) + b"\0"


def query(question=name(b"www.example.test") + b"\0\1\0\1", flags=0x0100, counts=(1, 0, 0, 0), rest=b""):
    return struct.pack(">HHHHHH", 0x1234, flags, *counts) + question + rest


def option(size=1232, version=0):
    return b"\0" + struct.pack(">HHBBHH", 41, size, 0, version, 0, 0)


class NameServerTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("NameServer", *RECORDS)
        cls.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.socket.connect(("127.0.0.1", cls.server.port))

    @classmethod
    def tearDownClass(cls):
        cls.socket.close()
        output = cls.server.stop()
        assert "summary: datagrams in" in output, output

    def dig(self, *words):
        return run("dig", "@127.0.0.1", "-p", str(self.server.port), "+tries=2", "+time=5", *words).decode()

    def setUp(self):
        self.drain()

    def tearDown(self):
        self.assertEqual(self.dig("+short", "WWW.Example.TEST", "AAAA"), "2001:db8::1\n")

    def drain(self):
        self.socket.settimeout(0)
        try:
            while True:
                self.socket.recv(65536)
        except BlockingIOError:
            self.socket.settimeout(PATIENCE)

    def ask(self, message):
        """The reply; None if there is none, which the reply to the next query tells, because there is one loop."""
        self.socket.send(message)
        self.socket.send(struct.pack(">HHHHHH", 0xFFFF, 0x7800, 0, 0, 0, 0))
        reply = self.socket.recv(65536)
        if reply[:2] == b"\xff\xff":
            return None
        self.assertEqual(self.socket.recv(65536)[:2], b"\xff\xff")
        return reply

    def code(self, message):
        reply = self.ask(message)
        return None if reply is None else reply[3] & 15

    def test_dig(self):
        self.assertEqual(sorted(self.dig("+short", "www.example.test").split()), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.dig("+short", "example.test", "TXT"), '"some text"\n')
        self.assertEqual(self.dig("+short", "long.test", "TXT"), '"%s" "%s"\n' % ("x" * 255, "x" * 45))
        for words, expected in [
            (("www.example.test",), "flags: qr aa rd; QUERY: 1, ANSWER: 2"), (("none.test",), "status: NXDOMAIN"),
            (("www.example.test", "TXT"), "status: NOERROR"), (("test",), "status: NOERROR"), (("www.example.test", "MX"), "ANSWER: 0"),
            (("www.example.test", "CH", "A"), "status: REFUSED"), (("+opcode=NOTIFY", "www.example.test"), "status: NOTIMP"),
            (("+edns=1", "+noednsnegotiation", "www.example.test"), "status: BADVERS"), (("+noedns", "www.example.test"), "ADDITIONAL: 0"),
            (("+header-only",), "status: FORMERR"),
        ]:
            with self.subTest(words):
                self.assertIn(expected, self.dig(*words))

    def test_replies_fit_into_what_the_client_takes(self):
        for words, is_cut in [
            (("+noedns", "large.test", "TXT"), True), (("+bufsize=512", "large.test", "TXT"), True),
            (("+bufsize=1232", "large.test", "TXT"), False), (("+bufsize=4096", "huge.test", "TXT"), True), (("+bufsize=10", "long.test", "TXT"), False),
        ]:
            with self.subTest(words):
                output = self.dig("+ignore", *words)
                self.assertEqual("flags: qr aa tc rd" in output, is_cut, output)
                self.assertEqual("ANSWER: 0" in output, is_cut)

    def test_what_is_no_query_is_not_answered(self):
        for message in [b"", b"\0", query()[:11], query(flags=0x8000), query(flags=0xFFFF), b"\xff" * 12]:
            self.assertIsNone(self.ask(message), message)

    def test_malformed_queries_are_said_to_be(self):
        www, tail = name(b"www.example.test"), b"\0\1\0\1"
        for what, message in [
            ("no question", query(b"", counts=(0, 0, 0, 0))), ("two questions", query(counts=(2, 0, 0, 0))),
            ("count that lies", query(counts=(1, 0, 0, 9), rest=option())), ("huge counts", query(counts=(65535,) * 4)),
            ("answers", query(counts=(1, 1, 0, 0))), ("more bytes", query(rest=b"\0")),
            ("pointer to itself", query(b"\xc0\x0c" + tail)), ("pointers in a circle", query(b"\1a\xc0\x0c" + tail)),
            ("pointer beyond", query(b"\xff\xff" + tail)), ("label of 64", query(b"\x40" + b"a" * 64 + b"\0" + tail)),
            ("label beyond the end", query(b"\x3f" + b"a" * 10)), ("no end", query(www[:-1])), ("no type", query(www)),
            ("name of 256", query((b"\x3f" + b"a" * 63) * 4 + b"\0" + tail)), ("two options", query(counts=(1, 0, 0, 2), rest=option() * 2)),
            ("option that is cut", query(counts=(1, 0, 0, 1), rest=option()[:-1])), ("option of a name", query(counts=(1, 0, 0, 1), rest=b"\1a" + option())),
            ("data beyond the end", query(counts=(1, 0, 0, 1), rest=option()[:-2] + b"\xff\xff")), ("only labels", query(b"\1a" * 200)),
        ]:
            with self.subTest(what):
                self.assertEqual(self.code(message), 1)
        self.assertEqual(self.code(query((b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0" + tail)), 3)
        self.assertEqual(self.code(query(counts=(1, 0, 0, 1), rest=b"\xc0\x0c\0\1\0\1\0\0\0\0\0\0")), 0)
        self.assertEqual(self.code(query(b"", flags=0x2800, counts=(0, 0, 0, 0))), 4)

    def test_every_cut_and_many_changes(self):
        whole = query(counts=(1, 0, 0, 1), rest=option())
        for end in range(len(whole)):
            self.assertEqual(self.code(whole[:end]), None if end < 12 else 1)
        generator = random.Random(11)
        for _ in range(1000):
            message = bytearray(whole)
            for _ in range(generator.randint(1, 4)):
                message[generator.randrange(len(message))] = generator.randrange(256)
            reply = self.ask(bytes(message))
            if reply is not None:
                self.assertEqual(reply[:2], message[:2])
                self.assertLessEqual(len(reply), 1232)

    def test_large_datagrams(self):
        self.assertIn(self.code(query(rest=b"x" * 1400)), (1, None))
        self.ask(query(rest=b"x" * 60000))


if __name__ == "__main__":
    unittest.main()
