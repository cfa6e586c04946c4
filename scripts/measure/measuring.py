"""What the measuring scripts share: the servers and the load as processes, each with a time limit, and their counters."""

import argparse
import json
import os
import queue
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
C = ROOT / "Benchmarks" / "C"
DEFAULT_SERVERS = ["c-uring=Benchmarks/C/build/uring_echo", "c-epoll=Benchmarks/C/build/epoll_echo"]


class Failure(Exception):
    """Ends a script with a message instead of a traceback."""


def build_c():
    for tool in ("make", "cc"):
        if not shutil.which(tool):
            raise Failure(f"'{tool}' is missing: apt-get install build-essential")
    made = subprocess.run(["make", "-C", str(C)], capture_output=True, text=True, timeout=300)
    if made.returncode != 0:
        raise Failure(f"make -C Benchmarks/C failed:\n{made.stderr}")


class Lines:
    """The lines of a pipe, read by a thread, so that waiting for one can have a limit."""

    def __init__(self, pipe):
        self.seen = []
        self._queue = queue.Queue()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def all(self, seconds=10):
        """Every line, once the process has ended."""
        self._thread.join(seconds)
        return self.seen

    def _read(self, pipe):
        for line in pipe:
            self.seen.append(line.rstrip("\n"))
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, pattern, seconds, who):
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{who}: no line like '{pattern}' within {seconds:.0f} s") from None
            if line is None:
                raise Failure(f"{who} ended before it printed '{pattern}':\n" + "\n".join(self.seen[-10:]))
            found = re.search(pattern, line)
            if found:
                return found


def pin(core):
    """What a child does before it becomes the program: stay on one core."""
    if core is None or core >= (os.cpu_count() or 1):
        return None
    return lambda: os.sched_setaffinity(0, {core})


class Process:
    def __init__(self, name, arguments, core=None, environment=None, stdin=None):
        self.name = name
        try:
            self.process = subprocess.Popen(
                arguments, cwd=ROOT, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, preexec_fn=pin(core), env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise Failure(f"{name}: {arguments[0]}: {error.strerror}") from None
        self.pid = self.process.pid
        self.lines = Lines(self.process.stdout)

    def stop(self, with_signal=signal.SIGTERM, seconds=30):
        """Asks the process to end and waits; past the limit it is killed, which is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.name} did not end within {seconds} s of signal {with_signal}") from None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tasks(self):
        return [int(name) for name in os.listdir(f"/proc/{self.pid}/task")]

    def cpu_nanoseconds(self):
        """Time on a core, of all threads, as the scheduler counts it: exact, but not split into user and system."""
        total = 0
        for task in self.tasks():
            total += int(Path(f"/proc/{self.pid}/task/{task}/schedstat").read_text().split()[0])
        return total


class Server(Process):
    """A server command, started on a port of its own choice. It must print a line that ends in 'listening on HOST:PORT'."""

    def __init__(self, label, command, core=None, environment=None):
        super().__init__(label, [*command, "--port", "0"], core, environment)
        try:
            self.port = int(self.lines.wait_for(r"listening on \S*:(\d+)\s*$", 30, label)[1])
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def cpu_ticks(self):
        """(user, system) ticks of the kernel's clock. Their sum is exact; the split is a sample taken at each tick."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]), int(fields[12])

    def resident_bytes(self):
        """Exact: /proc/PID/statm lags behind by what each core has not handed in yet."""
        return int(re.search(r"^Rss:\s+(\d+) kB", Path(f"/proc/{self.pid}/smaps_rollup").read_text(), re.M)[1]) * 1024

    def sockets(self):
        """How many it has open: one more than its connections, where it has one listener."""
        found = 0
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                found += os.readlink(f"/proc/{self.pid}/fd/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed since the listing
        return found

    def wait_for_sockets(self, condition, what, seconds=10):
        end = time.monotonic() + seconds
        while not condition(self.sockets()):
            if time.monotonic() > end:
                raise Failure(f"{self.name}: {self.sockets()} sockets open after {seconds} s, not {what}")
            time.sleep(0.02)


def echo_load_arguments(port, options, messages, warmup):
    """The command line of the C load generator, for streams or for datagrams."""
    program = "datagram_load" if getattr(options, "datagrams", False) else "echo_load"
    arguments = [str(C / "build" / program), "--port", str(port), "--json", "--steps",
                 "--connections", str(options.connections), "--size", options.size, "--depth", str(options.depth),
                 "--messages", str(messages), "--warmup", str(warmup)]
    return arguments + ["--verify"] if options.verify else arguments


class Load(Process):
    """One run of a load generator, which stops at the two ends of the measured part until it is told to go on."""

    def __init__(self, arguments, core=None):
        super().__init__(os.path.basename(arguments[0]), arguments, core, stdin=subprocess.PIPE)

    def wait_for_step(self, name, seconds):
        self.lines.wait_for(f"^step {name}$", seconds, self.name)

    def go_on(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} ended early:\n" + "\n".join(self.lines.all()[-5:])) from None

    def result(self, seconds=60):
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s") from None
        lines = self.lines.all()
        found = [line for line in lines if line.startswith("{")]
        if status != 0 or not found:
            raise Failure(f"{self.name} failed, status {status}:\n" + "\n".join(lines[-5:]))
        return json.loads(found[-1])


def measured_run(server, options, messages, warmup, before, after, core=None):
    """Drives a server, and calls `before` and `after` at the ends of the measured part, when nothing is in flight."""
    with Load(echo_load_arguments(server.port, options, messages, warmup), core) as load:
        load.wait_for_step("warm", options.limit)
        first = before()
        load.go_on()
        load.wait_for_step("measured", options.limit)
        last = after()
        load.go_on()
        return first, last, load.result()


def parser(description, messages):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Each SERVER is LABEL=COMMAND, run from the package's folder with '--port 0' added; it must print a line that\n"
        "ends in 'listening on HOST:PORT'. Without any, the C references are measured:\n  "
        + "\n  ".join(shlex.quote(server) for server in DEFAULT_SERVERS),
    )
    parser.add_argument("servers", nargs="*", metavar="SERVER", default=DEFAULT_SERVERS)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--size", default="64", help="bytes of a message (64)")
    parser.add_argument("--depth", type=int, default=1, help="messages in flight on each connection (1)")
    parser.add_argument("--messages", type=int, default=messages, help=f"measured messages ({messages})")
    parser.add_argument("--warmup", type=int, default=20_000, help="messages before them (20000)")
    parser.add_argument("--datagrams", action="store_true", help="the servers are of datagrams (UDP); --connections are sockets")
    parser.add_argument("--verify", action="store_true", help="compare every byte (costs the load, not the server)")
    parser.add_argument("--limit", type=float, default=120, help="seconds that one part of a run may take (120)")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    return parser


def parse_servers(texts):
    servers = []
    for text in texts:
        label, separator, command = text.partition("=")
        if not separator or not label or not command.strip():
            raise Failure(f"not LABEL=COMMAND: {text}")
        if label in (known for known, _ in servers):
            raise Failure(f"two servers are called {label}")
        servers.append((label, shlex.split(command)))
    return servers


def describe(options):
    depth = f", {options.depth} in flight each" if options.depth > 1 else ""
    print(f"{options.connections} {'sockets' if options.datagrams else 'connections'}, {options.size} bytes{depth}; "
          f"{options.messages} measured messages after {options.warmup} to warm up")
    print(f"kernel {os.uname().release}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}")
    for label, command in parse_servers(options.servers):
        print(f"  {label}: {shlex.join(command)}")
    print(flush=True)


def spread(values):
    return statistics.median(values), min(values), max(values)


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def run(main):
    """Runs a script's main function and turns failures into messages."""
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)


def save(options, figures):
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")


__all__ = ["C", "Failure", "Load", "Path", "Process", "ROOT", "Server", "build_c", "describe", "measured_run", "os", "parse_servers",
           "parser", "re", "run", "save", "shutil", "signal", "spread", "statistics", "subprocess", "sys", "table",
           "tempfile", "time"]
