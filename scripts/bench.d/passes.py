"""One run of one server under one load: timed, counted, or held idle. Each is a new pair of processes."""

import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from counters import Counters, allocations, perf, strace
from measuring import ROOT, Failure, Load, Process, Server

LIMIT = 100     # seconds that a part of a run may take
INSTRUCTIONS_LIMIT = 240
SETTLED = 0.5   # seconds without a change, after which memory counts as settled


class Bench:
    """What the runs of one bench share: the programs, the load, the cores, and how long to measure."""

    def __init__(self, programs, load, seconds):
        self.programs, self.load, self.seconds = programs, load, seconds
        cores = sorted(os.sched_getaffinity(0))
        # With a single core both stay wherever the system puts them.
        self.server_core, self.load_core = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
        self.commands = {}   # (scenario, server): what ran, for the report
        self.perf_works = True

    def load_program(self, scenario):
        return "EchoLoad" if scenario.needs_echoload else self.load

    def load_arguments(self, scenario, port, rate=None, messages=0):
        """`messages`: measured ones; 0: what the scenario says."""
        program = self.load_program(scenario)
        arguments = [self.programs.path(program), "--port", str(port), "--json", "--steps", "--connections",
                     str(scenario.connections), "--size", scenario.size, "--warmup", str(scenario.warmup)]
        if program == "EchoLoad":
            arguments += ["--quiet", "--mode", "pingpong" if scenario.mode == "idle" else scenario.mode]
        if rate:
            arguments += ["--rate", str(rate)]  # and the schedule decides how many are in flight
        elif scenario.mode != "churn":
            arguments += ["--depth", str(scenario.depth)]
        messages = messages or scenario.messages
        if messages:
            return arguments + ["--messages", str(messages)]
        # Open loop has no peak to find, and its tail needs messages: longer runs.
        return arguments + ["--seconds", str(self.seconds * (2 if rate else 1))]

    def server(self, scenario, label, environment=None):
        return Server(label, self.programs.command(label, scenario), self.server_core, environment)

    def drive(self, server, scenario, label, before, after, rate=None, messages=0):
        """(what `before` gave, what `after` gave, the load's figures). Both are given the load's process."""
        arguments = self.load_arguments(scenario, server.port, rate, messages)
        with Load(arguments, self.load_core) as load:
            load.wait_for_step("warm", LIMIT)
            first = before(load)
            load.go_on()
            load.wait_for_step("measured", LIMIT)
            last = after(load)
            load.go_on()
            result = load.result(LIMIT)
        self.commands[(scenario.name, label)] = (
            [*self.programs.command(label, scenario), "--port", "0"],
            ["PORT" if argument == str(server.port) else argument for argument in arguments])
        return first, last, result

    # Timed

    def timed(self, scenario, label, rate=None):
        with self.server(scenario, label) as server:
            def read(load):
                return {"server": server.cpu_nanoseconds(), "ticks": server.cpu_ticks(), "load": load.cpu_nanoseconds(),
                        "cores": busy_ticks(self.cores()), "time": time.monotonic()}

            first, last, result = self.drive(server, scenario, label, read, read, rate)
            server.stop()
            words = "\n".join(server.lines.all())
        elapsed = last["time"] - first["time"]
        server_seconds, load_seconds = ((last[who] - first[who]) / 1e9 for who in ("server", "load"))
        cores = (last["cores"] - first["cores"]) / os.sysconf("SC_CLK_TCK")
        if result["messages"] == 0:
            raise Failure(f"{label}: no message came back in {scenario.name}")
        run = {
            "cpu_us": server_seconds * 1e6 / result["messages"],
            "load_cpu_us": load_seconds * 1e6 / result["messages"],
            "user_ticks": last["ticks"][0] - first["ticks"][0],
            "system_ticks": last["ticks"][1] - first["ticks"][1],
            "busy": server_seconds / elapsed,
            "load_busy": load_seconds / elapsed,
            "others": max(0.0, cores - server_seconds - load_seconds) / elapsed / len(self.cores()),
            "rate": rate,
            "late": result.get("late_sends"),
        }
        run.update({name: result[name] for name in
                    ("messages", "seconds", "messages_per_second", "megabytes_per_second", "p50_us", "p90_us", "p99_us",
                     "p999_us", "p9999_us", "max_us", "errors") if name in result})
        found = re.search(r"zero-copy sends (\d+), copied by the kernel (\d+)", words)
        if found:
            run["zero_copy_sends"], run["zero_copy_copied"] = int(found[1]), int(found[2])
        return run

    def cores(self):
        return [core for core in (self.server_core, self.load_core) if core is not None] or sorted(os.sched_getaffinity(0))

    # Counted

    def syscalls(self, scenario, label):
        """Calls a message, by perf; where that does not work by strace, which makes each call slow."""
        def run_on(server):
            return lambda before, after: self.drive(server, scenario, label, lambda _: before(), lambda _: after(),
                                                    messages=scenario.counted)

        if self.perf_works:
            try:
                with self.server(scenario, label) as server:
                    total, _, result = perf(server, run_on(server))
                    server.stop()
                return total / result["messages"]
            except Failure as failure:
                if "perf" not in str(failure):
                    raise
                self.perf_works = False
        with self.server(scenario, label) as server:
            calls, _, result = strace(server, run_on(server))
            server.stop()
        return sum(calls.values()) / result["messages"]

    def allocations(self, scenario, label):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "counters"
            with self.server(scenario, label, Counters.environment(path)) as server:
                counters = Counters(path)
                read = lambda _: allocations(counters.read())
                first, last, result = self.drive(server, scenario, label, read, read, messages=scenario.counted)
                server.stop()
        return (last - first) / result["messages"]

    def instructions(self, scenario, label):
        """User instructions a message, by scripts/measure/instructions."""
        script = ROOT / "scripts" / "measure" / "instructions"
        # Single steps are slow: fewer messages where each has many.
        messages = "100" if label.startswith("nio") else "500"
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report"
            with Process("instructions", [
                    str(script), f"{label}={shlex.join(self.programs.command(label, scenario))}", "--messages", messages,
                    "--connections", str(scenario.connections), "--size", scenario.size, "--depth", str(scenario.depth),
                    "--json", str(report)]) as counting:
                try:
                    status = counting.process.wait(timeout=INSTRUCTIONS_LIMIT)
                except subprocess.TimeoutExpired:
                    raise Failure(f"instructions of {label}: not done within {INSTRUCTIONS_LIMIT} s") from None
                finally:
                    # Never by force first: it has processes of its own to end, and a server that it steps through.
                    counting.stop(signal.SIGINT)
            if status != 0:
                raise Failure(f"instructions of {label}: {' / '.join(counting.lines.all()[-2:])}")
            figure = json.loads(report.read_text())[0]
            # A step takes some 30 us, and a Swift program's Dispatch threads wake by the clock, so that their share grows with
            # the time that stepping takes. Where the loops have threads of their own, those are what a message costs.
            loops = [thread["steps"] for thread in figure["threads"] if thread["name"].startswith("sluice-")]
            return sum(loops) / figure["messages"] if loops else figure["per_message"]

    # Idle

    def idle(self, scenario, label):
        """Resident bytes of one more idle connection: after it was accepted, and after one echo on it."""
        warm = type(scenario)("idle-warm", "", 50, warmup=20_000, messages=10_000)
        with self.server(scenario, label) as server:
            sockets = server.sockets()
            nothing = lambda _: None
            # The pool, the code and the tables of few connections are no cost of an idle one.
            self.drive(server, warm, label, nothing, nothing)
            server.wait_for_sockets(lambda now: now <= sockets, f"the {sockets} from before")
            empty = settled_memory(server)

            def opened(_):
                server.wait_for_sockets(lambda now: now >= sockets + scenario.connections, "all that connected", 30)
                return settled_memory(server)

            open_arguments = type(scenario)(scenario.name, "", scenario.connections, warmup=0, messages=scenario.connections,
                                            mode="idle")
            held, probed, result = self.drive(server, open_arguments, label, opened, lambda _: settled_memory(server))
            server.stop()
        return {"idle_bytes": (held - empty) / scenario.connections, "probed_bytes": (probed - empty) / scenario.connections,
                "resident_before": empty, "resident_held": held, "resident_probed": probed, "messages": result["messages"]}


def busy_ticks(cores):
    """Ticks that these cores spent on anything, whoever's it was."""
    names, total = {f"cpu{core}" for core in cores}, 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in names:
            # user nice system (idle iowait) irq softirq steal
            total += sum(int(fields[i]) for i in (0, 1, 2, 5, 6, 7))
    return total


def settled_memory(server):
    """Resident bytes, once they stand still; after five seconds of moving, whatever they are then."""
    end, last, since = time.monotonic() + 5, server.resident_bytes(), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < SETTLED:
        time.sleep(0.1)
        now = server.resident_bytes()
        if now != last:
            last, since = now, time.monotonic()
    return last
