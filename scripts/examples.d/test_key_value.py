"""The key-value store, as redis-cli, redis-benchmark, telnet and people with bad intentions see it."""

import random
import re
import threading
import unittest

from servers import Server, ServerTests, run


def command(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class KeyValueTests(ServerTests):
    name = "KeyValue"
    options = ("--memory", "64")

    def cli(self, *words):
        return run("redis-cli", "-p", str(self.server.port), *words).decode().rstrip("\n")

    def tearDown(self):
        self.assertEqual(self.cli("ping"), "PONG")

    def test_redis_cli(self):
        self.assertEqual(self.cli("flushall"), "OK")
        for words, reply in [
            ("set greeting hello", "OK"), ("get greeting", "hello"), ("get none", ""), ("exists greeting none greeting", "2"),
            ("append greeting _world", "11"), ("mget greeting none", "hello_world"),
            ("incr n", "1"), ("incrby n 41", "42"), ("decr n", "41"), ("decrby n 1", "40"), ("get n", "40"),
            ("incr greeting", "ERR value is not an integer or out of range"),
            ("incrby n 9223372036854775807", "ERR value is not an integer or out of range"),
            ("decrby n -9223372036854775808", "ERR value is not an integer or out of range"),
            ("set n 1 nx", ""), ("set n 2 xx", "OK"), ("set m 1 xx", ""), ("set m 1 nx ex 100", "OK"), ("ttl m", "100"),
            ("ttl n", "-1"), ("ttl none", "-2"), ("expire n 50", "1"), ("ttl n", "50"), ("expire none 50", "0"),
            ("set n 1 ex 0", "ERR invalid expire time"), ("set n 1 nx xx", "ERR syntax error"),
            ("set n 1 ex", "ERR syntax error"), ("mset a 1 b 2", "OK"), ("mget a b", "1\n2"), ("dbsize", "5"),
            ("del a b none", "2"), ("dbsize", "3"), ("echo some", "some"), ("config get save", "save"),
            ("nonsense", "ERR unknown command, or wrong number of arguments"),
            ("get", "ERR unknown command, or wrong number of arguments"),
        ]:
            with self.subTest(words):
                self.assertEqual(self.cli(*words.split()), reply)

    def test_a_key_goes_when_its_time_is_over(self):
        self.assertEqual(self.cli("set", "short", "x", "px", "20"), "OK")
        with self.server.connect() as client:
            reply = b"$1\r\nx\r\n"
            while reply == b"$1\r\nx\r\n":
                client.send(command("GET", "short"))
                reply = client.until(b"\r\n")
                if reply == b"$1\r\n":
                    reply += client.until(b"\r\n")
        self.assertEqual(reply, b"$-1\r\n")

    def test_redis_benchmark(self):
        output = run("redis-benchmark", "-p", str(self.server.port), "-q", "-n", "4000", "-P", "16", "-t", "set,get,incr,mset").decode()
        self.assertEqual(len(re.findall(r"requests per second", output)), 4, output)
        output = run("redis-benchmark", "-p", str(self.server.port), "-q", "-n", "50", "-c", "4", "-d", "1048576", "-t", "set,get").decode()
        self.assertEqual(len(re.findall(r"requests per second", output)), 2, output)

    def test_telnet(self):
        replies = self.server.ask(b"PING\r\n  set  line  by-hand \r\nget line\n\r\n\r\nQUIT\r\nPING\r\n")
        self.assertEqual(replies, b"+PONG\r\n+OK\r\n$7\r\nby-hand\r\n+OK\r\n")

    def test_bytes_of_any_kind_and_size(self):
        generator = random.Random(7)
        with self.server.connect() as client:
            for size in [0, 1, 255, 256, 4096, 16384, 16385, 70000, 1 << 20, 3 << 20]:
                value = generator.randbytes(size)
                client.send(command("SET", b"\r\n\0\xff", value) + command("GET", b"\r\n\0\xff"))
                self.assertEqual(client.read(5), b"+OK\r\n")
                self.assertEqual(client.read(len(str(size)) + 3 + size + 2), b"$%d\r\n%s\r\n" % (size, value))

    def test_large_values_keep_their_place_in_a_pipeline(self):
        large = bytes(range(256)) * 1024
        request = command("SET", "l", large) + command("APPEND", "l", "end") + command("ECHO", large) + command("PING") + command("SET", "l", large, "XX") + command("DEL", "l")
        replies = b"+OK\r\n:%d\r\n$%d\r\n%s\r\n+PONG\r\n+OK\r\n:1\r\n" % (len(large) + 3, len(large), large)
        self.assertEqual(self.server.ask(request), replies)
        with self.server.connect() as client:
            client.send_in_pieces(request, 8000)
            self.assertEqual(client.read(len(replies)), replies)

    def test_pieces_of_any_size(self):
        request = command("SET", "piece", "by piece") + b"GET piece\r\n" + command("MGET", "piece", "none") + command("QUIT")
        replies = b"+OK\r\n$8\r\nby piece\r\n*2\r\n$8\r\nby piece\r\n$-1\r\n+OK\r\n"
        for size in [1, 2, 3, 7]:
            with self.server.connect() as client:
                client.send_in_pieces(request, size)
                self.assertEqual(client.rest(), replies)

    def test_a_long_pipeline_that_is_read_late(self):
        count = 20000
        with self.server.connect() as client:
            client.send(command("SET", "p", "x" * 100))
            self.assertEqual(client.read(5), b"+OK\r\n")
            sender = threading.Thread(target=client.send, args=(command("GET", "p") * count,))
            sender.start()
            reply = b"$100\r\n" + b"x" * 100 + b"\r\n"
            self.assertEqual(client.read(len(reply) * count), reply * count)
            sender.join()

    def test_replies_do_not_wait_for_the_rest_of_the_next_command(self):
        with self.server.connect() as client:
            client.send(command("PING") + command("PING")[:-4])
            self.assertEqual(client.read(7), b"+PONG\r\n")

    def test_protocol_errors_are_said_and_end_the_connection(self):
        for request in [
            b"*-1\r\n", b"*x\r\n", b"*99999999999999999999\r\n", b"*2000000\r\n", b"*1\r\n:1\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$x\r\n",
            b"*1\r\n$\r\n", b"*1\r\n$99999999999999999999\r\n", b"*2\r\n$3\r\nGET\r\n$600000000\r\n", b"*1\r\n$4\r\nPINGxx",
            b"*1" + b"1" * 100, b"*1\n$4\r\nPING\r\n", b"x" * 70000, b"*2\r\n$3\r\nGET\r\n$1\r\nab\r\n", b"\0" * 70000 + b"\r\n",
            command("SET", "k", b"x" * 20000)[:-2] + b"zz",
        ]:
            with self.subTest(request[:40]):
                reply = self.server.ask(b"PING\r\n" + request + command("PING"))
                self.assertTrue(reply.startswith(b"+PONG\r\n-ERR Protocol error"), reply[:80])
                self.assertEqual(reply.count(b"\r\n"), 2)

    def test_ends_in_the_middle(self):
        for request in [b"*", b"*2\r\n$3\r\nGE", b"PIN", command("SET", "k", b"x" * 50000)[:-1], b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n"]:
            self.server.ask(request)
            with self.server.connect() as client:
                client.send(request)
                client.reset()
        self.assertEqual(self.cli("get", "k"), "")

    def test_memory_has_an_end_and_is_given_back(self):
        self.assertEqual(self.cli("flushall"), "OK")
        value = b"v" * (1 << 20)
        with self.server.connect() as client:
            replies = set()
            for number in range(80):
                client.send(command("SET", f"fill{number}", value))
                replies.add(client.until(b"\r\n"))
            self.assertEqual({reply[:4] for reply in replies}, {b"+OK\r", b"-OOM"})
            client.send(command("FLUSHALL") + command("SET", "again", value))
            self.assertEqual(client.read(10), b"+OK\r\n+OK\r\n")
            client.send(command("FLUSHALL"))

    def test_lengths_that_lie_reserve_no_more_than_there_is(self):
        liars = [self.server.connect() for _ in range(20)]
        for liar in liars:
            liar.send(b"*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$16000000\r\n")
        self.assertEqual(self.cli("set", "honest", "small"), "OK")
        for liar in liars:
            liar.reset()


class StopTests(unittest.TestCase):
    def test_a_stop_ends_idle_clients_and_finishes_commands(self):
        server = Server("KeyValue")
        idle, busy = server.connect(), server.connect()
        for client in (idle, busy):
            client.send(command("PING"))
            self.assertEqual(client.read(7), b"+PONG\r\n")
        busy.send(command("ECHO", "half")[:-5])
        output = []
        stopper = threading.Thread(target=lambda: output.append(server.stop()))
        stopper.start()
        self.assertEqual(idle.rest(), b"")
        busy.send(command("ECHO", "half")[-5:])
        self.assertEqual(busy.rest(), b"$4\r\nhalf\r\n")
        idle.close()
        busy.close()
        stopper.join()
        self.assertIn("views out 0, slots leaked 0", output[0])


if __name__ == "__main__":
    unittest.main()
