"""What scripts/bridge-bench measures: scenarios, servers and loads."""

import re

from measuring import ROOT, Failure, Load, Server, echo_load_arguments
from servers import LoadOptions, Scenario, cpu_nanoseconds, measured, run_load, wrk

RELEASE = "Bridges/Examples/.build/release"
ECHO_LOAD = "Benchmarks/.build/release/EchoLoad"
ZERO_COPY = "ZeroCopyReads"
# What is built last is what the others' builds go on from.
PRODUCTS = [("Bridges/Examples", "RingEcho", ZERO_COPY)] + [
    ("Bridges/Examples", name) for name in ("RingEcho", "RingHummingbird", "RingGRPC", "GRPCEchoClient")] + [
    ("Benchmarks", "EchoLoad")]


def on(group, name, *arguments, driver=None):
    """A server of Bridges/Examples, with one loop of a group."""
    path = f"{RELEASE}/{name}"

    def start(folder, core):
        command = [path, "--group", group, "--loops", "1", *arguments]
        return Server(f"{name} on {group}", command, core, {"SLUICE_DRIVER": driver} if driver else None)
    start.missing = lambda: None if (ROOT / path).is_file() else f"{path} is not built"
    return start


def all_of(name, *arguments):
    """The one that others are compared with first."""
    return {
        "SwiftNIO": on("nio", name, *arguments),
        "ring": on("ring", name, *arguments, driver="ioUring"),
        "ring on epoll": on("ring", name, *arguments, driver="readiness"),
    }


def with_zero_copy(name, *arguments):
    """And the ring with reads that are handed over where the kernel put them."""
    return all_of(name, *arguments) | {
        "ring with zero-copy reads": on("ring", f"{name}-{ZERO_COPY}", *arguments, driver="ioUring"),
        "epoll with zero-copy reads": on("ring", f"{name}-{ZERO_COPY}", *arguments, driver="readiness"),
    }


# MARK: Loads. Each returns CPU time for a message, in microseconds, and how many messages that were.

def stepped(arguments, server, core):
    """A load that stops at both ends of what is measured, when nothing is in flight."""
    with Load(arguments, core) as load:
        load.wait_for_step("warm", 120)
        before = cpu_nanoseconds(server.pid)
        load.go_on()
        load.wait_for_step("measured", 180)
        used = cpu_nanoseconds(server.pid) - before
        load.go_on()
        result = load.result()
    if result.get("errors"):
        raise Failure(f"{server.name}: {result['errors']} errors")
    return used / result["messages"] / 1000, result["messages"]


def echo(size, connections, depth, a_second):
    """`a_second`: messages that stand for a second of measuring, the same for all servers."""
    def drive(server, seconds, core):
        count = max(connections * depth, int(a_second * seconds))
        arguments = echo_load_arguments(server.port, LoadOptions(connections, size, depth, datagrams=False), count, count // 5)
        return stepped(arguments, server, core)
    return drive


def needing(path, servers):
    """The same servers, which are left out where a load is not built."""
    def needs(start):
        def started(folder, core):
            return start(folder, core)
        started.missing = lambda: start.missing() or (None if (ROOT / path).is_file() else f"{path} is not built")
        return started
    return {label: needs(start) for label, start in servers.items()}


def churn(connections, a_second):
    """Connections leave local ports behind for a while: not many in a run."""
    def drive(server, seconds, core):
        count = min(11_000, max(connections, int(a_second * seconds)))
        arguments = [ECHO_LOAD, "--port", str(server.port), "--json", "--steps", "--quiet", "--mode", "churn", "--connections",
                     str(connections), "--size", "64", "--warmup", str(count // 10), "--messages", str(count)]
        return stepped(arguments, server, core)
    return drive


def grpc(connections, in_flight, a_second):
    """Calls by gRPC's own client, on SwiftNIO's loops for all servers."""
    def drive(server, seconds, core):
        def load(count):
            text = run_load([f"{RELEASE}/GRPCEchoClient", "--port", str(server.port), "--connections", str(connections),
                             "--in-flight", str(in_flight), "--calls", str(count)], core, 300)
            found = re.search(r"calls (\d+), failed (\d+)", text)
            if not found or int(found[2]) != 0:
                raise Failure(f"GRPCEchoClient: {text[-300:]}")
            return int(found[1])
        load(max(50, int(a_second * seconds / 5)))
        return measured(server, lambda: load(max(50, int(a_second * seconds))))
    return drive


def scenarios():
    handlers, tasks = all_of("RingEcho"), all_of("RingEcho", "--async")
    large, large_tasks = with_zero_copy("RingEcho"), with_zero_copy("RingEcho", "--async")
    hummingbird, calls = all_of("RingHummingbird"), all_of("RingGRPC")
    return [
        Scenario("echo 64 B, 50 connections", handlers, echo("64", 50, 1, 60_000), True),
        Scenario("echo 64 B, 500 connections", handlers, echo("64", 500, 1, 60_000)),
        Scenario("echo 64 B, 50 connections, 16 in flight", handlers, echo("64", 50, 16, 300_000), True),
        Scenario("echo 16 KiB, 50 connections", large, echo("16k", 50, 1, 40_000), True),
        Scenario("echo 64 KiB, 20 connections", large, echo("64k", 20, 1, 12_000)),
        Scenario("connect, echo 64 B, close; 50 at once", needing(ECHO_LOAD, handlers), churn(50, 4_000), True),
        Scenario("tasks: echo 64 B, 50 connections", tasks, echo("64", 50, 1, 40_000), True),
        Scenario("tasks: echo 16 KiB, 50 connections", large_tasks, echo("16k", 50, 1, 30_000)),
        Scenario("Hummingbird, hello, 50 connections", hummingbird, wrk("hello", 13, 50), True),
        Scenario("Hummingbird, 16 KiB, 50 connections", hummingbird, wrk("bytes/16384", 16384, 50)),
        Scenario("gRPC, unary call, 8 connections, 50 in flight", needing(f"{RELEASE}/GRPCEchoClient", calls), grpc(8, 50, 3_000), True),
    ]
