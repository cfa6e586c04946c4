"""Starting one of the servers of Bridges/Examples, and what the tests of several of them share."""

import hashlib
import os
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "examples.d"))
import servers  # noqa: E402
from servers import PATIENCE, Client, run  # noqa: E402, F401

BINARIES = os.environ.get("EXAMPLES", "Bridges/Examples/.build/release")
GROUP = os.environ.get("BRIDGE_GROUP", "ring")


class Server(servers.Server):
    """One run of a server, on the loops that are asked for."""

    @staticmethod
    def command(name):
        return [os.path.join(BINARIES, name), "--group", GROUP]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_for_descriptors(self, count):
        end = time.monotonic() + PATIENCE
        while self.descriptors() > count:
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} holds {self.descriptors()} descriptors, and held {count} before")
            time.sleep(0.02)


class ServerTests(unittest.TestCase):
    """Tests of one server, which must have survived all of them, have closed what they opened, and stop at a signal."""

    name, options = None, ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.name, *cls.options)
        cls.check(cls.server)
        cls.descriptors = cls.server.descriptors()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.check(cls.server)
            # One may be its listener's, or be opened for good by what was used first.
            cls.server.wait_for_descriptors(cls.descriptors + 2)
        finally:
            output = cls.server.stop()
        if not output.endswith("stopped\n"):
            raise AssertionError(f"{cls.name} did not stop as it should: {output}")

    @classmethod
    def check(cls, server):
        """That it answers."""


def pattern(count):
    """What /bytes/N gives."""
    piece = bytes(range(251))
    return (piece * (count // 251 + 1))[:count]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def beside(work):
    """Runs a function on a thread; the thread's `result` is what it returned, once it is joined, or what it raised."""
    def body():
        try:
            thread.result = work()
        except BaseException as error:  # for the one who joins
            thread.result = error
    thread = threading.Thread(target=body, daemon=True)
    thread.result = None
    thread.start()
    return thread


def joined(thread):
    thread.join(PATIENCE)
    if thread.is_alive():
        raise AssertionError("it does not end")
    if isinstance(thread.result, BaseException):
        raise thread.result
    return thread.result


def refused(port):
    """Whether nobody listens any more, at the latest after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            Client(port).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        time.sleep(0.02)
    return False
