"""Counting what a server does: allocations, and system calls by strace or perf."""

import mmap
import struct

from measuring import *

NAMES = ["magic", "malloc", "calloc", "realloc", "aligned", "free", "bytes", "traces_wanted"]
MAGIC = 0x51A1CE


class Counters:
    """What a server allocated so far, read from the page that it maps. The server is not disturbed."""

    @staticmethod
    def environment(path):
        return {"LD_PRELOAD": str(C / "build" / "count_allocations.so"), "SLUICE_ALLOCATIONS": str(path)}

    def __init__(self, path):
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)

    def read(self):
        values = dict(zip(NAMES, struct.unpack_from(f"={len(NAMES)}q", self.page)))
        if values["magic"] != MAGIC:
            raise Failure("the server did not load the counting library (is it linked statically?)")
        return values

    def want_traces(self, number):
        struct.pack_into("=q", self.page, 8 * NAMES.index("traces_wanted"), number)


def allocations(values):
    """All of them, by whatever function."""
    return sum(values[name] for name in ("malloc", "calloc", "realloc", "aligned"))


def strace(server, run):
    """Calls by name, strace's own table, and what `run` gave. `run` takes what to call at the ends of its measured part."""
    if not shutil.which("strace"):
        raise Failure("strace is missing: apt-get install strace")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        tracer = None

        def before():
            nonlocal tracer
            tracer = Process("strace", ["strace", "-c", "-f", "-p", str(server.pid), "-o", str(report)])
            # One line for each thread that it holds; the first names the process.
            tracer.lines.wait_for("attached", 20, "strace")
            time.sleep(0.5)

        def after():
            tracer.stop(signal.SIGINT)

        try:
            result = run(before, after)[2]
        finally:
            if tracer:
                tracer.__exit__(None, None, None)
        text = report.read_text()
    calls = {}
    for line in text.splitlines():
        fields = line.split()
        # "% time, seconds, usecs/call, calls, [errors,] name"
        if len(fields) >= 5 and re.fullmatch(r"[\d.]+", fields[0]) and fields[3].isdigit() and fields[-1] != "total":
            calls[fields[-1]] = int(fields[3])
    return calls, text, result


def perf(server, run):
    """Calls in all, calls of io_uring_enter (or None), and what `run` gave."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        counter = None
        events = ["raw_syscalls:sys_enter", "syscalls:sys_enter_io_uring_enter"]

        def before():
            nonlocal counter
            arguments = ["perf", "stat", "-x", ",", "-o", str(report), "-p", str(server.pid)]
            for event in events:
                arguments += ["-e", event]
            counter = Process("perf", arguments)
            time.sleep(1)
            if counter.process.poll() is not None:
                raise Failure("perf stat: " + " ".join(counter.lines.seen[:3]))

        def after():
            counter.stop(signal.SIGINT)

        try:
            result = run(before, after)[2]
        finally:
            if counter:
                counter.__exit__(None, None, None)
        counts = {}
        for line in report.read_text().splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[2] in events:
                if not fields[0].isdigit():
                    raise Failure(f"perf stat: {fields[0]} for {fields[2]}")
                counts[fields[2]] = int(fields[0])
        if events[0] not in counts:
            raise Failure("perf stat counted nothing")
    return counts[events[0]], counts.get(events[1]), result
