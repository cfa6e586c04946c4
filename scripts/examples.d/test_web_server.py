"""The web server, as curl, wrk, and people with bad intentions see it."""

import os
import re
import shutil
import tempfile
import threading
import time
import unittest

from servers import Server, ServerTests, run

HOST = b"Host: x\r\n"


def response(client, isHead=False):
    """Status, fields and body of the next response; None if there is none."""
    head = client.until(b"\r\n\r\n")
    if not head:
        return None
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
    body = b""
    if isHead:
        pass
    elif fields.get("transfer-encoding") == "chunked":
        while (size := int(client.until(b"\r\n"), 16)) > 0:
            body += client.read(size)
            assert client.read(2) == b"\r\n"
        assert client.read(2) == b"\r\n"
    else:
        body = client.read(int(fields.get("content-length", 0)))
    return int(lines[0].split(" ")[1]), fields, body


class WebServerTests(ServerTests):
    name = "WebServer"

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        cls.root = os.path.join(cls.directory, "root")
        os.makedirs(os.path.join(cls.root, "sub", ".git"))
        for path, text in [("index.html", "<p>index"), ("sub/index.html", "<p>sub"), ("a b.txt", "blank"), (".hidden", "no"),
                           ("sub/.git/config", "no"), ("../secret.txt", "no"), ("empty.json", ""), ("ten.bin", "0123456789")]:
            with open(os.path.join(cls.root, path), "w") as file:
                file.write(text)
        with open(os.path.join(cls.root, "large.bin"), "wb") as file:
            cls.large = os.urandom(3_000_000)
            file.write(cls.large)
        os.symlink("../secret.txt", os.path.join(cls.root, "link.txt"))
        os.symlink("/etc", os.path.join(cls.root, "etc"))
        os.mkfifo(os.path.join(cls.root, "pipe"))
        cls.options = ("--root", cls.root, "--request-timeout", "1", "--body-limit", "2000000")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.directory)

    def tearDown(self):
        self.assertEqual(self.curl("/plaintext"), b"Hello, World!")

    def url(self, path):
        return f"http://127.0.0.1:{self.server.port}{path}"

    def curl(self, path, *options, **more):
        return run("curl", "-sS", "--path-as-is", "--max-time", "10", *options, self.url(path), **more)

    def ask(self, request, **more):
        with self.server.connect() as client:
            client.send(request)
            return response(client, **more)

    def test_curl(self):
        self.assertEqual(self.curl("/plaintext?query"), b"Hello, World!")
        head = self.curl("/plaintext", "-I").decode()
        self.assertTrue(head.startswith("HTTP/1.1 200 OK\r\n"), head)
        self.assertIn("Content-Length: 13\r\n", head)
        self.assertRegex(head, r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n")
        self.assertEqual(self.curl("/echo", "--data-binary", "some"), b"some")
        self.assertEqual(self.curl("/echo", "-H", "Transfer-Encoding: chunked", "--data-binary", "in chunks"), b"in chunks")
        self.assertEqual(self.curl("/plaintext", "--http1.0"), b"Hello, World!")

    def test_curl_uploads_a_megabyte_both_ways(self):
        data = os.urandom(1 << 20)
        self.assertEqual(self.curl("/echo", "--data-binary", "@-", input=data), data)
        self.assertEqual(self.curl("/echo", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", input=data), data)
        self.assertEqual(self.curl("/echo", "-H", "Expect: 100-continue", "--data-binary", "@-", input=data), data)

    def test_wrk(self):
        output = run("wrk", "-t1", "-c20", "-d1s", self.url("/plaintext")).decode()
        self.assertRegex(output, r"[1-9]\d* requests in")
        self.assertNotIn("Non-2xx", output)
        self.assertNotIn("Socket errors", output)

    def test_methods_and_paths(self):
        for request, status, fields in [
            (b"POST /plaintext", 405, {"allow": "GET, HEAD"}), (b"GET /echo", 405, {"allow": "POST"}),
            (b"BREW /plaintext", 405, {}), (b"GET /none", 404, {}), (b"OPTIONS *", 405, {}),
            (b"GET http://x/plaintext?a=/b", 200, {}), (b"GET http://x", 200, {}),
        ]:
            with self.subTest(request):
                answer = self.ask(request + b" HTTP/1.1\r\n" + HOST + b"\r\n")
                self.assertEqual(answer[0], status)
                self.assertEqual(answer[1], answer[1] | fields)

    def test_files(self):
        self.assertEqual(self.curl("/large.bin"), self.large)
        for path, body in [("/", b"<p>index"), ("/sub/", b"<p>sub"), ("/a%20b.txt?x=%", b"blank"), ("/ten%2Ebin", b"0123456789")]:
            self.assertEqual(self.curl(path), body)
        _, fields, body = self.ask(b"GET /index.html HTTP/1.1\r\n" + HOST + b"\r\n")
        self.assertEqual((fields["content-type"], fields["accept-ranges"]), ("text/html; charset=utf-8", "bytes"))
        self.assertEqual(self.ask(b"GET /empty.json HTTP/1.1\r\n" + HOST + b"\r\n")[1]["content-type"], "application/json")
        status, head, _ = self.ask(b"HEAD /index.html HTTP/1.1\r\n" + HOST + b"\r\n", isHead=True)
        self.assertEqual((status, head | {"date": ""}), (200, fields | {"date": ""}))
        output = run("wrk", "-t1", "-c8", "-d1s", self.url("/large.bin")).decode()
        self.assertNotIn("Socket errors", output)

    def test_ranges_and_tags(self):
        def ask(*fields, path=b"/ten.bin"):
            lines = b"".join(field.encode() + b"\r\n" for field in fields)
            return self.ask(b"GET " + path + b" HTTP/1.1\r\n" + HOST + lines + b"\r\n")

        tag = ask()[1]["etag"]
        for field, status, body, place in [
            ("bytes=0-0", 206, b"0", "bytes 0-0/10"), ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
            ("bytes=7-", 206, b"789", "bytes 7-9/10"), ("bytes=-3", 206, b"789", "bytes 7-9/10"),
            ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"), ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
            ("bytes=10-", 416, b"", "bytes */10"), ("bytes=99-100", 416, b"", "bytes */10"), ("bytes=-0", 416, b"", "bytes */10"),
            ("bytes=4-2", 200, b"0123456789", None), ("bytes=0-1,3-4", 200, b"0123456789", None),
            ("lines=0-1", 200, b"0123456789", None), ("bytes=-", 200, b"0123456789", None), ("bytes=+1-2", 200, b"0123456789", None),
            ("bytes=0-99999999999999999999", 200, b"0123456789", None), ("bytes=", 200, b"0123456789", None),
        ]:
            with self.subTest(field):
                answer = ask("Range: " + field)
                self.assertEqual((answer[0], answer[2], answer[1].get("content-range")), (status, body, place))
        self.assertEqual(ask("Range: bytes=0-0", "If-Range: " + tag)[0], 206)
        self.assertEqual(ask("Range: bytes=0-0", 'If-Range: "other"')[0], 200)
        self.assertEqual(ask("If-None-Match: " + tag)[0::2], (304, b""))
        self.assertEqual(ask("If-None-Match: *")[0::2], (304, b""))
        self.assertEqual(ask('If-None-Match: "other"')[0], 200)
        self.assertEqual(ask("Range: bytes=-1", path=b"/empty.json")[0], 416)
        self.assertEqual(self.curl("/large.bin", "-r", "1000000-2000000"), self.large[1000000:2000001])

    def test_a_file_that_is_replaced_is_whole_and_new_within_its_second(self):
        path, next_one = os.path.join(self.root, "news.txt"), os.path.join(self.root, "news.tmp")
        for text in ("old " * 1000, "new " * 2000):
            with open(next_one, "w") as file:
                file.write(text)
            os.replace(next_one, path)
            end = time.monotonic() + 20
            while (body := self.curl("/news.txt").decode()) != text:
                self.assertEqual(body, "old " * 1000)
                self.assertLess(time.monotonic(), end)

    def test_no_path_leads_out(self):
        for path in [b"/../secret.txt", b"/sub/../../secret.txt", b"/%2e%2e/secret.txt", b"/%2E%2E%2Fsecret.txt", b"/..%2fsecret.txt",
                     b"/sub/%2e%2e/%2e%2e/secret.txt", b"//etc/passwd", b"/%2fetc/passwd", b"/etc/passwd", b"/link.txt", b"/.hidden",
                     b"/sub/.git/config", b"/index.html%00.txt", b"/index.html%00", b"/%", b"/%2", b"/%zz", b"/%+1", b"/%ff", b"/sub", b"/pipe",
                     b"/sub//index.html", b"/.", b"/..", b"/...", b"/" + b"a/" * 3000, b"/" + b"%61" * 2000, b"/\\..\\secret.txt",
                     b"http://x/../secret.txt"]:
            with self.subTest(path[:40]), self.server.connect() as client:
                client.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\nGET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n")
                self.assertEqual(response(client)[0], 404)
                self.assertEqual(response(client)[0], 200)

    def test_files_keep_their_place_in_a_pipeline(self):
        with self.server.connect() as client:
            client.send(b"".join(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in [b"/plaintext", b"/large.bin", b"/none", b"/ten.bin", b"/plaintext"]))
            for body in [b"Hello, World!", self.large, b"", b"0123456789", b"Hello, World!"]:
                self.assertEqual(response(client)[2], body)

    def test_clients_that_leave_in_the_middle_of_a_file(self):
        for _ in range(5):
            client = self.server.connect()
            client.send(b"GET /large.bin HTTP/1.1\r\n" + HOST + b"\r\n")
            client.read(1000)
            client.reset()

    def test_keep_alive_and_its_end(self):
        with self.server.connect() as client:
            for _ in range(3):
                client.send(b"GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n")
                status, fields, body = response(client)
                self.assertEqual((status, body), (200, b"Hello, World!"))
                self.assertNotIn("connection", fields)
        for request in [b"GET /plaintext HTTP/1.1\r\n" + HOST + b"Connection: Foo , CLOSE\r\n\r\n", b"GET /plaintext HTTP/1.0\r\n\r\n"]:
            with self.server.connect() as client:
                client.send(request * 2)
                self.assertEqual(response(client)[1]["connection"], "close")
                self.assertIsNone(response(client))
        with self.server.connect() as client:
            client.send(b"GET /plaintext HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
            self.assertEqual([response(client)[0], response(client)[0]], [200, 200])

    def test_pipelines_in_pieces_of_any_size(self):
        request = (b"\r\nHEAD /plaintext HTTP/1.1\r\n" + HOST + b"\r\nPOST /echo HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
                   b"3;name=value\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
                   b"POST /echo HTTP/1.1\r\nHost:x\r\nContent-Length:\t4 \r\n\r\nbodyGET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n")
        for size in [1, 2, 5, 1000]:
            with self.server.connect() as client:
                client.send_in_pieces(request, size)
                self.assertEqual(response(client, isHead=True)[0], 200)
                for body in [b"abc0123456789", b"body", b"Hello, World!"]:
                    self.assertEqual(response(client)[::2], (200, body))

    def test_a_long_pipeline_that_is_read_late(self):
        count = 20000
        with self.server.connect() as client:
            sender = threading.Thread(target=client.send, args=((b"GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n") * count,))
            sender.start()
            head = client.until(b"Hello, World!")
            rest = client.read(len(head) * (count - 1))
            self.assertEqual(rest.count(b"Hello, World!"), count - 1)
            sender.join()

    def test_what_two_readers_could_understand_differently_is_refused(self):
        start = b"POST /echo HTTP/1.1\r\n" + HOST
        for name, request, status in [
            ("both lengths", start + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("both lengths, turned", start + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
            ("two lengths", start + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 400),
            ("list of lengths", start + b"Content-Length: 4, 4\r\n\r\nbody", 400),
            ("signed length", start + b"Content-Length: +4\r\n\r\nbody", 400),
            ("negative length", start + b"Content-Length: -4\r\n\r\nbody", 400),
            ("hexadecimal length", start + b"Content-Length: 0x4\r\n\r\nbody", 400),
            ("no length", start + b"Content-Length: \r\n\r\nbody", 400),
            ("huge length", start + b"Content-Length: 99999999999999999999\r\n\r\nbody", 400),
            ("two encodings", start + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("list of encodings", start + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
            ("unknown encoding", start + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
            ("quoted encoding", start + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501),
            ("chunks in HTTP/1.0", b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("line that goes on", start + b"X: a\r\n b: c\r\n\r\n", 400),
            ("blank before the colon", start + b"Content-Length : 4\r\n\r\nbody", 400),
            ("bare line feeds", b"GET /plaintext HTTP/1.1\nHost: x\n\r\n\r\n", 400),
            ("bare carriage return", start + b"X: a\rTransfer-Encoding: chunked\r\n\r\n", 400),
            ("NUL", start + b"X: a\0b\r\n\r\n", 400),
            ("NUL in the path", b"GET /pla\0intext HTTP/1.1\r\n" + HOST + b"\r\n", 400),
            ("no name", start + b": a\r\n\r\n", 400),
            ("no colon", start + b"abc\r\n\r\n", 400),
            ("name with a bracket", start + b"X(: a\r\n\r\n", 400),
            ("no host", b"GET /plaintext HTTP/1.1\r\n\r\n", 400),
            ("two hosts", b"GET /plaintext HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
            ("blank at the start", b" GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n", 400),
            ("two blanks", b"GET  /plaintext HTTP/1.1\r\n" + HOST + b"\r\n", 400),
            ("blank in the path", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
            ("no version", b"GET /plaintext\r\n" + HOST + b"\r\n", 400),
            ("relative path", b"GET plaintext HTTP/1.1\r\n" + HOST + b"\r\n", 400),
            ("bytes that are no text", b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
            ("HTTP/2.0", b"GET /plaintext HTTP/2.0\r\n" + HOST + b"\r\n", 505),
            ("no HTTP", b"GET /plaintext HTTQ/1.1\r\n" + HOST + b"\r\n", 400),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
            ("long line", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
            ("endless line", b"GET /" + b"a" * 20000, 414),
            ("many bytes", b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 20000, 431),
            ("many fields", b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 120 + b"\r\n", 431),
            ("other expectation", start + b"Expect: miracles\r\n\r\n", 417),
            ("large body", start + b"Content-Length: 2000001\r\n\r\n", 413),
            ("large chunk", start + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
            ("negative chunk", start + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
            ("chunk in bare line feeds", start + b"Transfer-Encoding: chunked\r\n\r\n4\nbody\r\n0\r\n\r\n", 400),
            ("no chunk size", start + b"Transfer-Encoding: chunked\r\n\r\n;\r\n", 400),
            ("signed chunk size", start + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\nbody\r\n0\r\n\r\n", 400),
            ("long extension", start + b"Transfer-Encoding: chunked\r\n\r\n4;" + b"a" * 300 + b"\r\n", 400),
            ("long trailer", start + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + (b"a" * 200 + b"\r\n") * 30, 431),
        ]:
            with self.subTest(name), self.server.connect() as client:
                client.send(request + b"GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n")
                answer = response(client)
                self.assertEqual(answer[0], status)
                self.assertEqual(answer[1]["connection"], "close")
                # What follows is not taken for a request.
                self.assertIsNone(response(client))

    def test_an_error_in_the_middle_of_a_response_is_a_reset_and_not_an_end(self):
        with self.server.connect() as client:
            client.send(b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n")
            self.assertIn(b"4\r\nbody\r\n", client.until(b"body\r\n"))
            client.send(b"zz\r\n")
            with self.assertRaises(ConnectionResetError):
                client.socket.recv(100)

    def test_a_body_that_nobody_asked_for_ends_the_connection(self):
        with self.server.connect() as client:
            client.send(b"GET /plaintext HTTP/1.1\r\n" + HOST + b"Content-Length: 40\r\n\r\nGET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n")
            self.assertEqual(response(client)[1]["connection"], "close")
            self.assertIsNone(response(client))

    def test_expect_100_continue(self):
        with self.server.connect() as client:
            client.send(b"POST /echo HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            self.assertEqual(client.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.send(b"body")
            self.assertEqual(response(client)[::2], (200, b"body"))
        answer = self.ask(b"POST /echo HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n")
        self.assertEqual(answer[0], 413)

    def test_slow_heads_are_given_up(self):
        with self.server.connect() as client, self.server.connect() as other:
            client.send(b"GET /plaintext HTTP/1.1\r\n")
            other.send(b"GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\nGET ")
            self.assertEqual(response(other)[0], 200)
            for slow in (client, other):
                status, fields, _ = response(slow)
                self.assertEqual((status, fields["connection"]), (408, "close"))
                self.assertIsNone(response(slow))

    def test_ends_in_the_middle(self):
        for request in [b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n",
                        b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n"]:
            with self.subTest(request):
                self.assertTrue(self.server.ask(request).startswith(b"HTTP/1.1 400 "))
                with self.server.connect() as client:
                    client.send(request)
                    client.reset()
        # A half-close behind a whole request is none.
        self.assertTrue(self.server.ask(b"GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n").endswith(b"Hello, World!"))


class KeepOpenTests(unittest.TestCase):
    def test_a_file_that_is_not_kept_open_is_new_at_once(self):
        with tempfile.TemporaryDirectory() as root:
            server = Server("WebServer", "--root", root, "--keep-open", "0")
            for text in (b"old", b"newer", b"newest"):
                with open(os.path.join(root, "next"), "wb") as file:
                    file.write(text)
                os.replace(os.path.join(root, "next"), os.path.join(root, "news.txt"))
                with server.connect() as client:
                    client.send(b"GET /news.txt HTTP/1.1\r\n" + HOST + b"\r\n")
                    self.assertEqual(response(client)[2], text)
            server.stop()


class StopTests(unittest.TestCase):
    def test_a_stop_ends_idle_clients_and_says_so_to_the_others(self):
        server = Server("WebServer", "--loops", "2")
        idle, busy = server.connect(), server.connect()
        for client in (idle, busy):
            client.send(b"GET /plaintext HTTP/1.1\r\n" + HOST + b"\r\n")
            self.assertNotIn("connection", response(client)[1])
        busy.send(b"POST /echo HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        busy.until(b"\r\n\r\n")
        output = []
        stopper = threading.Thread(target=lambda: output.append(server.stop()))
        stopper.start()
        self.assertIsNone(response(idle))
        busy.send(b"body")
        status, fields, body = response(busy)
        self.assertEqual((status, fields["connection"], body), (200, "close", b"body"))
        idle.close()
        busy.close()
        stopper.join()
        self.assertIn("views out 0, slots leaked 0", output[0])


if __name__ == "__main__":
    unittest.main()
