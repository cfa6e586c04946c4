"""The parts `servers` and `datagrams` of scripts/bench: the example servers beside those that people run, each under the load
that its own people use, and datagrams beside C and SwiftNIO.

A run is a new server on core 0 and a new load on core 1; within a round each scenario runs each server once, in an order that
changes with the round. The figure is the CPU time of the server's processes, as the scheduler counts it, for a request.
"""

import dataclasses
import datetime
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable

from build import output
from measuring import ROOT, Failure, Load, Process, Server, build_c, echo_load_arguments, pin, time

EXAMPLES = "Examples/.build/release"
SIZES = {"1 KiB": 1 << 10, "16 KiB": 16 << 10, "1 MiB": 1 << 20, "50 MiB": 50 << 20}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes_of(pid):
    """A process and those that it has started."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += processes_of(int(child))
    return found


def cpu_nanoseconds(pid):
    """Time on a core, of all threads of a process and of its children, as the scheduler counts it."""
    total = 0
    for process in processes_of(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


# MARK: Servers

class Peer(Process):
    """A server that takes a port and tells nobody when it listens."""

    def __init__(self, label, arguments, port, core):
        super().__init__(label, arguments, core)
        self.port = port
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    self.__exit__(None, None, None)
                    raise Failure(f"{label} does not listen:\n" + "\n".join(self.lines.all()[-5:])) from None
                time.sleep(0.05)


def redis(folder, core):
    port = free_port()
    return Peer("redis-server", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                                 "--dir", str(folder)], port, core)


def nginx(folder, core, files=""):
    port = free_port()
    for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 60s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {files}
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
""")
    return Peer("nginx", ["nginx", "-c", f"{folder}/nginx.conf", "-p", str(folder)], port, core)


def nginx_keeping(folder, core):
    """It keeps files open for as long as WebServer does."""
    return nginx(folder, core, "open_file_cache max=256; open_file_cache_valid 1s; open_file_cache_min_uses 1;")


def program(label, path, *arguments):
    """A server that prints where it listens. `{www}` is the folder of files."""
    def start(folder, core):
        if not (ROOT / path).is_file():
            raise Failure(f"{path} is not built")
        return Server(label, [path, *(argument.format(www=folder / "www") for argument in arguments)], core)
    start.missing = lambda: None if (ROOT / path).is_file() else f"{label}: {path} is not built"
    return start


def installed(name, start):
    start.missing = lambda: None if shutil.which(name) else f"{name} is missing: apt-get install {name}"
    return start


# MARK: Loads. Each returns how many requests the server answered between the two readings of its CPU time.

def run_load(arguments, core, seconds):
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=seconds, preexec_fn=pin(core))
    if done.returncode != 0:
        raise Failure(f"{arguments[0]} failed:\n{(done.stdout + done.stderr)[-400:]}")
    return done.stdout + done.stderr


def measured(server, requests_of):
    before = cpu_nanoseconds(server.pid)
    requests = requests_of()
    return (cpu_nanoseconds(server.pid) - before) / requests / 1000, requests


UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def wrk(path, size, connections):
    """Large files are counted by the bytes that arrived, for much of them is on its way when the time is up."""
    is_large = size >= 1 << 20

    def drive(server, seconds, core):
        def load(duration):
            text = run_load(["wrk", "-t1", f"-c{connections}", f"-d{duration:.0f}s", "--timeout", "20s",
                             f"http://127.0.0.1:{server.port}/{path}"], core, duration + 60)
            wrong = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (connect [1-9].*|.*read [1-9].*|.*write [1-9].*)", text)
            found = re.search(r"(\d+) requests in [\d.]+m?s, ([\d.]+)([KMG]B) read", text)
            answered = found and (float(found[2]) * UNITS[found[3]] / size if is_large else int(found[1]))
            if wrong or not answered:
                raise Failure(f"wrk: {text[-300:]}")
            return answered
        load(1)
        return measured(server, lambda: load(max(1, seconds) * (3 if is_large else 1)))
    return drive


def redis_benchmark(test, size, connections, depth, number):
    def drive(server, seconds, core):
        def load(count):
            run_load(["redis-benchmark", "-p", str(server.port), "-t", test, "-d", str(size), "-c", str(connections), "-P", str(depth),
                      "-n", str(count), "-q"], core, 300)
            return count
        # What is read is there, and what is written is written over.
        run_load(["redis-benchmark", "-p", str(server.port), "-t", "set", "-d", str(size), "-c", "1", "-n", "10", "-q"], core, 60)
        load(max(100, number // 10))
        return measured(server, lambda: load(max(100, int(number * seconds))))
    return drive


@dataclasses.dataclass
class LoadOptions:
    connections: int
    size: str
    depth: int = 1
    datagrams: bool = True
    verify: bool = False


def datagrams(size, sockets, number):
    def drive(server, seconds, core):
        options = LoadOptions(sockets, str(size))
        count = int(number * seconds)
        with Load(echo_load_arguments(server.port, options, count, count // 10), core) as load:
            load.wait_for_step("warm", 60)
            before = cpu_nanoseconds(server.pid)
            load.go_on()
            load.wait_for_step("measured", 120)
            used = cpu_nanoseconds(server.pid) - before
            load.go_on()
            result = load.result()
        return used / result["messages"] / 1000, result["messages"]
    return drive


# MARK: Scenarios

@dataclasses.dataclass
class Scenario:
    title: str
    servers: dict
    drive: Callable
    short: bool = False


def server_scenarios():
    store = {"redis-server": installed("redis-server", redis), "KeyValue": program("KeyValue", f"{EXAMPLES}/KeyValue")}
    web = {
        "nginx": installed("nginx", nginx),
        "nginx, files kept open": installed("nginx", nginx_keeping),
        "WebServer": program("WebServer", f"{EXAMPLES}/WebServer", "--root", "{www}"),
        "WebServer, each opened anew": program("WebServer", f"{EXAMPLES}/WebServer", "--root", "{www}", "--keep-open", "0"),
        "Hummingbird": program("Hummingbird", "Benchmarks/HummingbirdPeer/.build/release/HummingbirdFiles", "--root", "{www}"),
    }
    found = []
    for test in ("get", "set"):
        found.append(Scenario(f"{test.upper()} 64 B, 50 connections", store, redis_benchmark(test, 64, 50, 1, 60_000), test == "get"))
        found.append(Scenario(f"{test.upper()} 64 B, 50 connections, 16 in flight", store, redis_benchmark(test, 64, 50, 16, 300_000)))
        found.append(Scenario(f"{test.upper()} 1 MiB, 8 connections", store, redis_benchmark(test, 1 << 20, 8, 1, 1_000), test == "set"))
    for name in SIZES:
        for connections in (8, 50):
            found.append(Scenario(f"file of {name}, {connections} connections", web, wrk(file_name(name), SIZES[name], connections),
                                  name in ("1 KiB", "1 MiB") and connections == 50))
    return found


def datagram_scenarios():
    servers = {
        "C": program("C", "Benchmarks/C/build/datagram_echo"),
        "Sluice, handler": program("Sluice, handler", ".build/release/EchoServer", "--datagrams", "--mode", "handler"),
        "Sluice, async": program("Sluice, async", ".build/release/EchoServer", "--datagrams", "--mode", "async"),
        "Sluice, handler, epoll": program("Sluice, handler, epoll", ".build/release/EchoServer", "--datagrams", "--mode", "handler",
                                          "--driver", "readiness"),
        "SwiftNIO": program("SwiftNIO", "Benchmarks/.build/release/NIOEcho", "--datagrams", "--vector-reads", "1"),
        "SwiftNIO, vector reads": program("SwiftNIO, vector reads", "Benchmarks/.build/release/NIOEcho", "--datagrams"),
    }
    return [Scenario(f"{size} B, {sockets} sockets", servers, datagrams(size, sockets, 60_000), sockets == 50)
            for size in (64, 1200) for sockets in (50, 8)]


SCENARIOS = {"servers": server_scenarios, "datagrams": datagram_scenarios}
PRODUCTS = {
    "servers": [("Examples", "KeyValue"), ("Examples", "WebServer"), ("Benchmarks/HummingbirdPeer", "HummingbirdFiles")],
    "datagrams": [(".", "EchoServer"), ("Benchmarks", "NIOEcho")],
}


def file_name(size):
    return size.replace(" ", "")


def write_files(folder):
    (folder / "www").mkdir()
    for name, size in SIZES.items():
        (folder / "www" / file_name(name)).write_bytes(os.urandom(1 << 16) * (size >> 16) or os.urandom(size))


def build(part):
    """A product may have a trait of its package: its name then ends in that, and it stands beside the one without."""
    build_c()
    for package, product, *traits in PRODUCTS[part]:
        print(" with ".join([f"building {product}", *traits]), file=sys.stderr, flush=True)
        chosen = ["--traits", ",".join(traits)] if traits else []
        made = subprocess.run(["swift", "build", "-c", "release", "--package-path", package, "--product", product, *chosen], cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3600)
        if made.returncode != 0:
            raise Failure(f"{product} does not build:\n" + "\n".join(made.stdout.splitlines()[-8:]))
        if traits:
            built = ROOT / package / ".build/release" / product
            shutil.copy(built, built.with_name("-".join([product, *traits])))


# MARK: A measurement

def one_run(scenario, label, folder, seconds):
    with scenario.servers[label](folder, 0) as server:
        cpu, requests = scenario.drive(server, seconds, 1)
        server.stop()
    return cpu, requests


def table(scenarios, figures):
    """A table for each group of scenarios with the same servers; ratios are medians of the rounds' own ratios."""
    lines, shown = [], None
    for scenario in scenarios:
        labels = [label for label in scenario.servers if figures.get((scenario.title, label))]
        if not labels:
            continue
        if labels != shown:
            shown = labels
            lines += ["", f"| CPU per request, µs (of {labels[0]}) | " + " | ".join(labels) + " |", "| --- |" + " --- |" * len(labels)]
        base = figures[scenario.title, labels[0]]
        cells = []
        for label in labels:
            values = figures[scenario.title, label]
            cell = f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
            if label != labels[0]:
                cell += f" **{ratio(values, base):.2f}**"
            cells.append(cell)
        lines.append(f"| {scenario.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines).strip()


def ratio(values, base):
    pairs = [value / first for value, first in zip(values, base)]
    return statistics.median(pairs)


def measure(options):
    scenarios = SCENARIOS[options.part]()
    if options.short:
        scenarios = [scenario for scenario in scenarios if scenario.short]
    if options.scenarios_text:
        wanted = options.scenarios_text.split(",")
        scenarios = [scenario for scenario in scenarios if any(text.strip() in scenario.title for text in wanted)]
        if not scenarios:
            raise Failure(f"no scenario's title has one of: {options.scenarios_text}")
    if options.list:
        for scenario in scenarios:
            print(f"{scenario.title}{' (part of --short)' if scenario.short else ''}")
            for label, start in scenario.servers.items():
                print(f"  {start.missing() or label}")
        return
    if not options.no_build:
        build(options.part)
    notes, figures, done = [], {}, 0
    for scenario in scenarios:
        for label in list(scenario.servers):
            why = scenario.servers[label].missing()
            if why:
                notes.append(f"left out: {why}")
                scenario.servers = {name: start for name, start in scenario.servers.items() if name != label}
    total = sum(len(scenario.servers) for scenario in scenarios) * options.rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for number in range(options.rounds):
            for scenario in scenarios:
                labels = list(scenario.servers)
                shift = number % len(labels) if labels else 0
                for label in labels[shift:] + labels[:shift]:
                    cpu, requests = one_run(scenario, label, folder, options.seconds)
                    figures.setdefault((scenario.title, label), []).append(cpu)
                    done += 1
                    print(f"[{done}/{total}] {scenario.title}: {label}: {cpu:.2f} µs a request, {requests:.0f} requests",
                          file=sys.stderr, flush=True)
    about = (f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}, Linux {os.uname().release}, {os.cpu_count()} cores, load average "
             f"{os.getloadavg()[0]:.2f}, commit {output('git', 'rev-parse', '--short', 'HEAD')}; {options.rounds} rounds of "
             f"{options.seconds:g} s, medians, least and most in brackets, ratio to the first in bold")
    text = f"{about}\n\n{table(scenarios, figures)}\n"
    out = ROOT / options.out
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{options.part}.md").write_text(text)
    (out / f"{options.part}.json").write_text(json.dumps(
        {"about": about, "figures": [{"scenario": title, "server": label, "cpu_us": values}
                                     for (title, label), values in figures.items()]}, indent=1) + "\n")
    print(text)
    for note in dict.fromkeys(notes):
        print(f"note: {note}")
