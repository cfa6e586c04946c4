"""Starting one of the example servers, and talking to it as clients do."""

import os
import re
import select
import socket
import subprocess
import time
import unittest
from signal import SIGTERM

BINARIES = os.environ.get("EXAMPLES", ".build/debug")
# What nothing here takes: only a server that hangs does.
PATIENCE = 20


class Server:
    """One run of a server, on a port that the kernel chose."""

    def __init__(self, name, *options):
        self.name = name
        self.process = subprocess.Popen([*self.command(name), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        found, text = None, ""
        while not found:
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                self.process.kill()
                raise AssertionError(f"{name} does not say where it listens: {text}")
            line = self.process.stdout.readline()
            if not line:
                self.process.wait()
                raise AssertionError(f"{name} ended at once: {text}")
            text += line
            found = re.search(r"listening on (.*):(\d+)$", line)
        self.host, self.port = found.group(1), int(found.group(2))

    @staticmethod
    def command(name):
        """How it is started; options follow."""
        return [os.path.join(BINARIES, name), "--port", "0", "--log-level", "error"]

    def connect(self):
        return Client(self.port)

    def ask(self, request, size=1 << 24):
        """Sends, ends the stream, and returns all that comes until the other side ends its own."""
        with self.connect() as client:
            client.send(request)
            client.finish()
            return client.rest(size)

    def signal(self, number=SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """Its last words; it must end by itself, and without complaint."""
        try:
            output, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, _ = self.process.communicate()
            raise AssertionError(f"{self.name} does not stop: {output}") from None
        if self.process.returncode != 0:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {output}")
        return output

    def stop(self, number=SIGTERM):
        self.signal(number)
        return self.wait()


class Client:
    """A plain TCP connection; nothing of it waits longer than PATIENCE."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """False: the other side takes no more, which is its right."""
        try:
            self.socket.sendall(data)
            return True
        except (ConnectionResetError, BrokenPipeError):
            return False

    def send_in_pieces(self, data, size=1):
        for start in range(0, len(data), size):
            self.send(data[start:start + size])
            # Otherwise they would come together.
            time.sleep(0.0005)

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def more(self):
        try:
            piece = self.socket.recv(1 << 20)
        except ConnectionResetError:
            return False
        self.buffer += piece
        return bool(piece)

    def read(self, count):
        """Exactly so many bytes, or fewer if the stream ends."""
        while len(self.buffer) < count and self.more():
            pass
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def until(self, delimiter):
        """All up to and with the delimiter, or less if the stream ends."""
        while delimiter not in self.buffer and self.more():
            pass
        end = self.buffer.find(delimiter)
        return self.read(len(self.buffer) if end < 0 else end + len(delimiter))

    def rest(self, size=1 << 24):
        while len(self.buffer) < size and self.more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def reset(self):
        """Ends the connection as a crash would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()


class ServerTests(unittest.TestCase):
    """Tests of one server, which must have survived all of them, and have nothing left over."""

    options = ()
    name = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.name, *cls.options)

    @classmethod
    def tearDownClass(cls):
        output = cls.server.stop()
        if "views out 0, slots leaked 0" not in output:
            raise AssertionError(f"something is left over: {output}")


def run(*command, input=None, status=0):
    """The output of a client program; it must end by itself, and as it should."""
    done = subprocess.run(command, input=input, capture_output=True, timeout=PATIENCE)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
