"""The web servers: HTTP/1.1 of SwiftNIO and of Hummingbird, the same behind TLS, and HTTP/2."""

import os
import re
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from email.utils import formatdate

from bridge import PATIENCE, Server, ServerTests, beside, digest, joined, pattern, refused, run

HOST = b"Host: x\r\n"


def response(client):
    """Status, fields and body of the next response with a length; None if there is none."""
    head = client.until(b"\r\n\r\n")
    if not head:
        return None
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
    return int(lines[0].split(" ")[1]), fields, client.read(int(fields.get("content-length", 0)))


class WebTests(ServerTests):
    """What all of them must do, as curl sees it."""

    name, scheme, arguments, version = "RingHTTP", "http", ("--http1.1",), "1.1"

    @classmethod
    def curl(cls, server, *paths, options=(), **more):
        urls = [f"{cls.scheme}://127.0.0.1:{server.port}{path}" for path in paths]
        return run("curl", "-sS", "-k", "--max-time", str(PATIENCE), *cls.arguments, *options, *urls, **more)

    @classmethod
    def check(cls, server):
        got = cls.curl(server, "/hello", options=("-w", " %{http_version} %{http_code}"))
        assert got == f"Hello, World! {cls.version} 200".encode(), got

    def get(self, path, *options, **more):
        return self.curl(self.server, path, options=options, **more)

    def test_hello_and_not_found(self):
        self.assertEqual(self.get("/hello"), b"Hello, World!")
        self.assertEqual(self.get("/nothing", "-o", "/dev/null", "-w", "%{http_code}"), b"404")

    def test_requests_in_a_row_on_one_connection(self):
        got = self.curl(self.server, *["/hello"] * 20, options=("-w", " %{num_connects};"))
        self.assertEqual(got, b"Hello, World! 1;" + b"Hello, World! 0;" * 19)

    def test_large_answers(self):
        for count in (0, 1, 16_384, 100_000, 30 << 20):
            with self.subTest(count):
                got = self.get(f"/bytes/{count}")
                self.assertEqual((len(got), digest(got)), (count, digest(pattern(count))))

    def test_large_bodies_both_ways(self):
        for size in (1, 100_000, 20 << 20):
            data = os.urandom(size)
            with self.subTest(size):
                got = self.get("/echo", "-H", "Expect:", "--data-binary", "@-", input=data)
                self.assertEqual((len(got), digest(got)), (size, digest(data)))

    def test_a_body_of_unknown_length(self):
        data = os.urandom(5 << 20)
        got = self.get("/echo", "-H", "Expect:", "-H", "Content-Type: application/octet-stream", "-T", "-", "-X", "POST", input=data)
        self.assertEqual(digest(got), digest(data))

    def test_a_client_that_reads_slowly(self):
        got = self.get(f"/bytes/{2 << 20}", "--limit-rate", "2M")
        self.assertEqual(digest(got), digest(pattern(2 << 20)))

    def test_many_clients_at_once(self):
        got = self.curl(self.server, *["/bytes/100000"] * 40, options=("--parallel", "--parallel-max", "20"))
        self.assertEqual(len(got), 4_000_000)

    def test_clients_that_reset_in_the_middle_of_an_answer(self):
        for size in (10, 1000, 300_000):
            for _ in range(5):
                client = self.server.connect()
                if self.scheme == "https":
                    context = ssl._create_unverified_context()
                    context.set_alpn_protocols(["http/1.1"])
                    client.socket = context.wrap_socket(client.socket, suppress_ragged_eofs=False)
                client.send(b"GET /bytes/20000000 HTTP/1.1\r\n" + HOST + b"\r\n")
                client.read(size)
                client.reset()
        self.check(self.server)

    def test_clients_that_leave_in_the_middle_of_a_body(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(os.urandom(2 << 20))
            file.flush()
            clients = [subprocess.Popen(
                ["curl", "-sSk", *self.arguments, "--limit-rate", "300k", "-H", "Expect:", "--data-binary", f"@{file.name}",
                 "-o", "/dev/null", f"{self.scheme}://127.0.0.1:{self.server.port}/echo"], stderr=subprocess.DEVNULL)
                for _ in range(5)]
            try:
                # At that rate it takes seconds: all are in the middle now.
                time.sleep(0.5)
                self.assertEqual([client.poll() for client in clients], [None] * 5)
            finally:
                for client in clients:
                    client.kill()
                    client.wait()
        self.check(self.server)

    def test_bytes_that_are_no_protocol(self):
        with self.server.connect() as client:
            client.send(b"\x00\xff" * 200 + b"\r\n\r\n")
            client.finish()
            client.rest()
        self.check(self.server)


class HTTP1Tests(WebTests):
    def test_wrk_sees_no_errors(self):
        for path in ("hello", "bytes/100000"):
            output = run("wrk", "-t1", "-c50", "-d1s", f"http://127.0.0.1:{self.server.port}/{path}").decode()
            self.assertNotIn("Socket errors", output)
            self.assertNotIn("Non-2xx", output)
            self.assertGreater(int(re.search(r"(\d+) requests in", output)[1]), 50)

    def test_a_pipeline_is_answered_in_order(self):
        with self.server.connect() as client:
            client.send(b"".join(b"GET /bytes/%d HTTP/1.1\r\n" % size + HOST + b"\r\n" for size in range(500)))
            for size in range(500):
                status, _, body = response(client)
                self.assertEqual((status, body), (200, pattern(size)))

    def test_a_request_in_single_bytes(self):
        with self.server.connect() as client:
            client.send_in_pieces(b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n")
            self.assertEqual(response(client)[2], b"Hello, World!")

    def test_a_half_close_behind_a_request_is_answered(self):
        got = b""
        with self.server.connect() as client:
            client.send(b"GET /bytes/1000000 HTTP/1.1\r\n" + HOST + b"\r\n")
            client.finish()
            got = client.rest()
        self.assertTrue(got.endswith(pattern(1_000_000)[-1000:]), got[-100:])


class HTTP1OnTwoLoopsTests(HTTP1Tests):
    options = ("--loops", "2")


class HummingbirdTests(HTTP1Tests):
    name = "RingHummingbird"

    def test_date(self):
        """RFC 9110, 5.6.7, as Python writes it."""
        before = int(time.time())
        with self.server.connect() as client:
            client.send(b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n")
            _, fields, _ = response(client)
        near = [formatdate(second, usegmt=True) for second in range(before - 1, int(time.time()) + 2)]
        self.assertIn(fields["date"], near)


class HummingbirdOnTwoLoopsTests(HTTP1Tests):
    name, options = "RingHummingbird", ("--loops", "2")


class PriorKnowledgeTests(WebTests):
    options, arguments, version = ("--h2c",), ("--http2-prior-knowledge",), "2"
    # That client speaks HTTP/1.1.
    test_clients_that_reset_in_the_middle_of_an_answer = None
    # curl 7.88 fails when it uses a connection of that kind again, whoever the server is.
    test_requests_in_a_row_on_one_connection = None
    test_many_clients_at_once = None


FOLDER = None


def certificate():
    """Options for TLS, with a certificate made for this run."""
    global FOLDER
    if FOLDER is None:
        FOLDER = tempfile.TemporaryDirectory()
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-keyout", f"{FOLDER.name}/key.pem", "-out", f"{FOLDER.name}/certificate.pem")
    return ("--tls", "--certificate", f"{FOLDER.name}/certificate.pem", "--key", f"{FOLDER.name}/key.pem")


class TLSTests(WebTests):
    scheme = "https"

    @classmethod
    def setUpClass(cls):
        cls.options = certificate()
        super().setUpClass()

    def connect(self, *protocols):
        context = ssl._create_unverified_context()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
        return context.wrap_socket(plain, suppress_ragged_eofs=False)

    def test_the_end_of_the_server_is_said_and_not_only_there(self):
        with self.connect() as client:
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got = b""
            # An end without close_notify raises.
            while piece := client.recv(1000):
                got += piece
            self.assertTrue(got.endswith(b"Hello, World!"), got)

    def test_the_end_of_the_client_is_answered(self):
        with self.connect() as client:
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            got = b""
            while not got.endswith(b"Hello, World!"):
                got += client.recv(1000)
            # Sends close_notify, and raises when none comes back.
            client.unwrap().close()

    def test_openssl_sees_the_handshake_and_the_end(self):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port}", "-alpn", "http/1.1", "-msg", "-ign_eof"],
            input=b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", capture_output=True, timeout=PATIENCE)
        output = done.stdout.decode(errors="replace")
        self.assertIn("ALPN protocol: http/1.1", output)
        self.assertIn("Hello, World!", output)
        self.assertRegex(output, r"<<< .*Alert.*close_notify")

    def test_protocols_are_negotiated(self):
        for wanted, agreed in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), ((), None)):
            with self.subTest(wanted), self.connect(*wanted) as client:
                self.assertEqual(client.selected_alpn_protocol(), agreed)

    def test_clients_that_leave_during_the_handshake(self):
        context = ssl._create_unverified_context()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = context.wrap_bio(incoming, outgoing)
        try:
            hello.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = outgoing.read()
        for size in (0, 1, 5, 100, len(data)):
            for leave in ("reset", "close", "finish"):
                client = self.server.connect()
                client.send(data[:size])
                getattr(client, leave)()
                client.close()
        self.check(self.server)


class TLSWithHTTP2Tests(TLSTests):
    arguments, version = ("--http2",), "2"


class StopTests(unittest.TestCase):
    """A signal while requests are open: they are finished, nothing new is accepted, and idle connections end."""

    def stop_during_a_request(self, name, scheme, arguments, *options):
        server = Server(name, *options)
        slow = beside(lambda: run("curl", "-sSk", "--max-time", str(PATIENCE), *arguments,
                                  f"{scheme}://127.0.0.1:{server.port}/slow/1500"))
        end = beside(lambda: slow.join(0.7))
        joined(end)
        self.assertTrue(slow.is_alive())
        server.signal()
        self.assertTrue(refused(server.port))
        self.assertTrue(slow.is_alive(), "the request was over before the listener was closed")
        self.assertEqual(joined(slow), b"Hello, World!")
        self.assertTrue(server.wait().endswith("stopped\n"))

    def test_http1(self):
        self.stop_during_a_request("RingHTTP", "http", ("--http1.1",))

    def test_http2(self):
        self.stop_during_a_request("RingHTTP", "http", ("--http2-prior-knowledge",), "--h2c")

    def test_tls(self):
        self.stop_during_a_request("RingHTTP", "https", ("--http1.1",), *certificate())

    def test_tls_and_http2(self):
        self.stop_during_a_request("RingHTTP", "https", ("--http2",), *certificate())

    def test_hummingbird(self):
        self.stop_during_a_request("RingHummingbird", "http", ("--http1.1",))

    def test_idle_connections_end(self):
        for name in ("RingHTTP", "RingHummingbird"):
            with self.subTest(name):
                server = Server(name)
                with server.connect() as client:
                    client.send(b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n")
                    self.assertEqual(response(client)[2], b"Hello, World!")
                    server.signal()
                    self.assertEqual(client.rest(), b"")
                self.assertTrue(server.wait().endswith("stopped\n"))


def tearDownModule():
    if FOLDER is not None:
        FOLDER.cleanup()


# Their tests are those of their subclasses.
del WebTests
