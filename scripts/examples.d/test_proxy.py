"""The proxy, before a server that the tests are themselves."""

import os
import socket
import threading
import unittest

from servers import PATIENCE, Client, Server, ServerTests, run


class ProxyTests(ServerTests):
    name = "Proxy"

    @classmethod
    def setUpClass(cls):
        cls.listener = socket.create_server(("127.0.0.1", 0))
        cls.listener.settimeout(PATIENCE)
        cls.options = (f"localhost:{cls.listener.getsockname()[1]}", "--loops", "2", "--connect-timeout", "5")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.listener.close()

    def pair(self):
        """A client, and the server's side of its connection."""
        client = self.server.connect()
        other, _ = self.listener.accept()
        other.settimeout(PATIENCE)
        return client, other

    def tearDown(self):
        client, other = self.pair()
        client.send(b"alive")
        self.assertEqual(other.recv(5), b"alive")
        client.close()
        other.close()

    def test_both_directions_and_half_close(self):
        client, other = self.pair()
        data = os.urandom(4 << 20)
        received = bytearray()

        def serve():
            while piece := other.recv(1 << 20):
                received.extend(piece)
            # The client has ended its stream, and still gets all of this.
            other.sendall(bytes(received))
            other.close()

        server = threading.Thread(target=serve)
        server.start()
        client.send(data)
        client.finish()
        self.assertTrue(client.rest() == data)
        server.join()
        client.close()

    def test_the_server_may_end_first(self):
        client, other = self.pair()
        other.sendall(b"last words")
        other.shutdown(socket.SHUT_WR)
        self.assertEqual(client.rest(), b"last words")
        client.send(b"still here")
        self.assertEqual(other.recv(100), b"still here")
        client.close()
        self.assertEqual(other.recv(100), b"")
        other.close()

    def test_a_reset_is_passed_on(self):
        client, other = self.pair()
        client.send(b"x")
        self.assertEqual(other.recv(1), b"x")
        client.reset()
        with self.assertRaises(ConnectionResetError):
            other.recv(1)
        other.close()

    def test_a_client_that_does_not_read_stops_the_server(self):
        client, other = self.pair()
        other.setblocking(False)
        sent, block = 0, bytes(1 << 20)
        with self.assertRaises(BlockingIOError):
            # It ends: all that lies in between is bounded. The pause is for what is under way.
            for _ in range(1000):
                try:
                    sent += other.send(block)
                except BlockingIOError:
                    threading.Event().wait(0.2)
                    sent += other.send(block)
        other.settimeout(PATIENCE)
        other.shutdown(socket.SHUT_WR)
        self.assertEqual(len(client.read(sent)), sent)
        client.close()
        other.close()

    def test_nc(self):
        answered = threading.Thread(target=lambda: self.echo_once())
        answered.start()
        self.assertEqual(run("nc", "-N", "127.0.0.1", str(self.server.port), input=b"through nc"), b"through nc")
        answered.join()

    def echo_once(self):
        other, _ = self.listener.accept()
        while piece := other.recv(100):
            other.sendall(piece)
        other.close()


class UnreachableTests(ServerTests):
    name = "Proxy"

    @classmethod
    def setUpClass(cls):
        # A port that nobody listens on.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            cls.options = (f"127.0.0.1:{listener.getsockname()[1]}",)
        super().setUpClass()

    def test_clients_are_reset(self):
        for _ in range(3):
            # It may come while the client is still connecting.
            with self.assertRaises(ConnectionResetError), self.server.connect() as client:
                client.socket.recv(1)

    def test_help_and_bad_targets(self):
        binary = self.server.process.args[0]
        self.assertIn(b"curl http://127.0.0.1:7008/", run(binary, "--help"))
        for target in ["localhost", "localhost:", ":80", "localhost:0", "localhost:99999", "::1:80"]:
            run(binary, target, status=64)


if __name__ == "__main__":
    unittest.main()
