"""The gRPC server, as gRPC's own client in Swift and the one in Python see it."""

import os
import queue
import unittest

from bridge import BINARIES, PATIENCE, Server, ServerTests, refused, run

try:
    import grpc
except ImportError:
    grpc = None


class CallTests(ServerTests):
    name = "RingGRPC"

    @staticmethod
    def call(server, *options):
        return run(os.path.join(BINARIES, "GRPCEchoClient"), "--port", str(server.port), *options)

    @classmethod
    def check(cls, server):
        assert cls.call(server, "--calls", "1") == b"calls 1, failed 0\n"

    def test_calls_of_all_sizes(self):
        for size in (0, 1, 1000, 100_000, 3_000_000):
            with self.subTest(size):
                self.assertEqual(self.call(self.server, "--calls", "5", "--size", str(size)), b"calls 5, failed 0\n")

    def test_many_calls_at_once(self):
        got = self.call(self.server, "--calls", "3000", "--connections", "8", "--in-flight", "100")
        self.assertEqual(got, b"calls 3000, failed 0\n")

    def test_streams_both_ways(self):
        got = self.call(self.server, "--calls", "20", "--in-flight", "5", "--messages", "100", "--size", "10000")
        self.assertEqual(got, b"calls 20, failed 0\n")

    def test_bytes_that_are_no_protocol_and_clients_that_reset(self):
        for data in (b"", b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            with self.server.connect() as client:
                client.send(data)
                client.reset()
        self.check(self.server)


class CallsOnTwoLoopsTests(CallTests):
    options = ("--loops", "2")


@unittest.skipIf(grpc is None, "gRPC for Python is not here")
class PythonTests(ServerTests):
    name = "RingGRPC"

    @staticmethod
    def channel(server):
        return grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.enable_http_proxy", 0)])

    @classmethod
    def check(cls, server):
        with cls.channel(server) as channel:
            assert channel.unary_unary("/sluice.Echo/Say")(b"alive", timeout=PATIENCE) == b"alive"

    def test_calls(self):
        with self.channel(self.server) as channel:
            say = channel.unary_unary("/sluice.Echo/Say")
            for size in (0, 1, 70_000, 3_000_000):
                data = os.urandom(size)
                self.assertEqual(say(data, timeout=PATIENCE), data)
            # gRPC's server takes 100 streams at once, and ends connections of those who have not heard of it yet.
            for turn in range(10):
                calls = [say.future(b"%d" % number, timeout=PATIENCE) for number in range(50)]
                self.assertEqual([call.result() for call in calls], [b"%d" % number for number in range(50)])

    def test_a_method_that_there_is_not(self):
        with self.channel(self.server) as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/sluice.Echo/Shout")(b"", timeout=PATIENCE)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_a_stream(self):
        with self.channel(self.server) as channel:
            messages = [os.urandom(5000) for _ in range(200)]
            self.assertEqual(list(channel.stream_stream("/sluice.Echo/Chat")(iter(messages), timeout=PATIENCE)), messages)

    def test_a_stream_that_is_cancelled(self):
        with self.channel(self.server) as channel:
            waiting = queue.Queue()
            answers = channel.stream_stream("/sluice.Echo/Chat")(iter(waiting.get, None), timeout=PATIENCE)
            waiting.put(b"one")
            self.assertEqual(next(answers), b"one")
            answers.cancel()
            waiting.put(None)
            with self.assertRaises(grpc.RpcError):
                next(answers)
        self.check(self.server)

    def test_a_stop_lets_open_calls_finish(self):
        server = Server(self.name)
        with self.channel(server) as channel:
            waiting = queue.Queue()
            answers = channel.stream_stream("/sluice.Echo/Chat")(iter(waiting.get, None), timeout=PATIENCE)
            waiting.put(b"one")
            self.assertEqual(next(answers), b"one")
            server.signal()
            self.assertTrue(refused(server.port))
            waiting.put(b"two")
            self.assertEqual(next(answers), b"two")
            waiting.put(None)
            self.assertEqual(list(answers), [])
        self.assertTrue(server.wait().endswith("stopped\n"))
