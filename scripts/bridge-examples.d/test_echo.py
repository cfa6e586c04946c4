"""The echo servers, of a channel handler and of tasks."""

import os

from bridge import Server, ServerTests, beside, digest, joined


class EchoTests(ServerTests):
    name = "RingEcho"

    @classmethod
    def check(cls, server):
        with server.connect() as client:
            client.send(b"alive")
            assert client.read(5) == b"alive"

    def test_pieces_of_any_size_come_back(self):
        for size in (1, 2, 63, 1000, 65_536, 1 << 20):
            with self.subTest(size), self.server.connect() as client:
                data = os.urandom(size)
                client.send(data)
                self.assertEqual(client.read(size), data)

    def test_large_streams_come_back_whole_with_the_end_behind_them(self):
        data = os.urandom(20 << 20)
        with self.server.connect() as client:
            def send():
                sent = client.send(data)
                client.finish()
                return sent
            sender = beside(send)
            back = client.rest(len(data) + 1)
            self.assertTrue(joined(sender))
            self.assertEqual((len(back), digest(back)), (len(data), digest(data)))

    def test_many_connections_at_once(self):
        clients = [self.server.connect() for _ in range(200)]
        try:
            for turn in range(3):
                for number, client in enumerate(clients):
                    client.send(b"%d of %d;" % (turn, number))
                for number, client in enumerate(clients):
                    self.assertEqual(client.until(b";"), b"%d of %d;" % (turn, number))
        finally:
            for client in clients:
                client.close()

    def test_a_client_that_reads_late_gets_all_of_it(self):
        data = os.urandom(8 << 20)
        with self.server.connect() as client:
            sender = beside(lambda: client.send(data))
            sender.join(0.3)   # long enough for all buffers to be full
            back = client.read(len(data))
            self.assertTrue(joined(sender))
            self.assertEqual(digest(back), digest(data))

    def test_clients_that_reset_in_the_middle(self):
        for size in (0, 1, 100_000):
            for _ in range(20):
                client = self.server.connect()
                client.socket.settimeout(0.2)
                try:
                    client.socket.send(b"x" * size)
                except TimeoutError:
                    pass
                client.reset()
        self.check(self.server)

    def test_an_end_without_a_byte(self):
        with self.server.connect() as client:
            client.finish()
            self.assertEqual(client.rest(), b"")


class EchoOnTwoLoopsTests(EchoTests):
    options = ("--loops", "2")


class TaskTests(EchoTests):
    options = ("--async",)


class TasksOnTwoLoopsTests(EchoTests):
    options = ("--async", "--loops", "2")


class StopTests(ServerTests):
    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def test_open_connections_end_when_the_server_stops(self):
        for options in ((), ("--async",)):
            with self.subTest(options):
                server = Server("RingEcho", *options)
                client = server.connect()
                client.send(b"one")
                self.assertEqual(client.read(3), b"one")
                server.signal()
                self.assertEqual(client.rest(), b"")
                client.close()
                self.assertIn("stopped\n", server.wait())
