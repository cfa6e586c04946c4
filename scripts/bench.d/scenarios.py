"""What is measured: the scenarios, the servers, and the figures that the package must reach. Tables, and no code beside them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    connections: int
    size: str = "64"
    depth: int = 1
    mode: str = "pingpong"       # of the load: pingpong, bulk, churn, fanout; or idle, which measures memory
    warmup: int = 20_000         # messages
    messages: int = 0            # measured ones; 0: as many as fit into --seconds
    counted: int = 100_000       # messages of the passes that count system calls and allocations
    rate: object = None          # messages a second; or two servers: half of what the slower of them reached in PEAK
    unit: str = "message"
    saturates: bool = True       # the server is meant to be busy all the time; else a wait is no sign of a slow load
    servers: tuple = ()          # only these; empty: all but the special ones
    also: tuple = ()             # special servers, which run in this scenario only
    short: bool = False          # part of --short

    @property
    def needs_echoload(self):
        """The C load generator knows neither these modes nor a fixed rate."""
        return self.mode in ("churn", "fanout") or self.rate is not None


HANDLERS = ("c-uring", "c-epoll", "sluice-handler", "nio-handler")

# The same server on its other driver, where that is measured.
EPOLL = ("sluice-epoll-handler", "sluice-epoll-async")

# Open loop takes its rates from it: it stands before those.
PEAK = Scenario("64B-x50", "64 bytes, 50 connections", 50, also=EPOLL, short=True)

SCENARIOS = [
    Scenario("64B-x1", "64 bytes, 1 connection", 1, warmup=5_000, counted=20_000, saturates=False,
             also=("sluice-handler-spin",), short=True),
    PEAK,
    Scenario("64B-x500", "64 bytes, 500 connections", 500, also=EPOLL, short=True),
    Scenario("64B-x2000", "64 bytes, 2,000 connections", 2000),
    Scenario("64B-x50-16", "64 bytes, 50 connections, 16 in flight on each", 50, depth=16, warmup=50_000, counted=200_000,
             also=EPOLL, short=True),
    Scenario("1KiB-x50", "1 KiB, 50 connections", 50, "1k"),
    Scenario("16KiB-x50", "16 KiB, 50 connections", 50, "16k", warmup=10_000, counted=30_000,
             also=("sluice-handler-zc", *EPOLL), short=True),
    Scenario("bulk-x1", "bulk, 1 connection, 64 KiB x 16 in flight", 1, "64k", 16, "bulk", warmup=2_000, counted=10_000),
    Scenario("bulk-x8", "bulk, 8 connections, 64 KiB x 16 in flight on each", 8, "64k", 16, "bulk", warmup=2_000,
             counted=10_000),
    # By count: each connection leaves a local port behind for a while. There are 28,000 of them, the kernel prefers one
    # half of them, and past that half connecting becomes slow.
    Scenario("churn", "connect, echo 64 bytes, close; 50 at once", 50, mode="churn", warmup=1_000, messages=11_000,
             counted=8_000, unit="connection", short=True),
    Scenario("fanout-x100", "fan-out: one message to 100 connections", 100, mode="fanout", warmup=20_000,
             unit="delivery", servers=HANDLERS),
    Scenario("open-20k", "open loop, 20,000 messages/s, 64 bytes, 50 connections", 50, rate=20_000, saturates=False,
             short=True),
    Scenario("open-half-handler", "open loop at half of the slower handler's peak, 64 bytes, 50 connections", 50,
             rate=("sluice-handler", "nio-handler"), saturates=False, servers=HANDLERS),
    Scenario("open-half-async", "open loop at half of the slower async server's peak, 64 bytes, 50 connections", 50,
             rate=("sluice-async", "nio-async"), saturates=False, servers=("c-uring", "c-epoll", "sluice-async", "nio-async")),
    Scenario("idle", "10,000 idle connections", 10_000, mode="idle", unit="connection"),
]

# label: (program, its arguments, the arguments of the fan-out variant or None). Programs: see build.py.
SERVERS = {
    "c-uring": ("uring_echo", (), ("uring_echo", "--fan-out")),
    "c-epoll": ("epoll_echo", (), ("epoll_echo", "--fan-out")),
    "sluice-handler": ("EchoServer", ("--mode", "handler"), ("FanOut",)),
    "sluice-async": ("EchoServer", ("--mode", "async"), None),
    "nio-handler": ("NIOEcho", ("--mode", "handler"), ("NIOEcho", "--mode", "handler", "--fan-out")),
    "nio-async": ("NIOEcho", ("--mode", "async"), None),
    "sluice-epoll-handler": ("EchoServer", ("--driver", "readiness", "--mode", "handler"), None),
    "sluice-epoll-async": ("EchoServer", ("--driver", "readiness", "--mode", "async"), None),
    "sluice-handler-spin": ("EchoServer", ("--mode", "handler", "--spin", "50"), None),
    "sluice-handler-zc": ("EchoServer", ("--mode", "handler", "--zero-copy", "4096"), None),
}
# They stand beside the plain server in single scenarios only (Scenario.also).
SPECIAL = ("sluice-handler-spin", "sluice-handler-zc", *EPOLL)

BETTER_C = "better C"
ON_EPOLL = ("64B-x50", "64B-x500", "64B-x50-16", "16KiB-x50")
SMALL = ("64B-x50", "64B-x500", "64B-x50-16", "1KiB-x50")


@dataclass(frozen=True)
class Requirement:
    """A bound on a figure of `subject`: on its ratio to that of `against`, or on the figure itself where that is None."""

    text: str
    figure: str
    scenarios: tuple
    subject: str
    against: object
    limit: float
    strictly: bool = False       # below, instead of at most


# "Where it must stand": a ratio is one of medians within one run.
REQUIREMENTS = [
    Requirement("CPU per message, handler, of C io_uring", "cpu_us", SMALL, "sluice-handler", "c-uring", 1.05),
    Requirement("CPU per message, async, of C io_uring", "cpu_us", ("64B-x50", "64B-x50-16", "1KiB-x50"), "sluice-async",
                "c-uring", 1.10),
    Requirement("CPU per message, async, of C io_uring", "cpu_us", ("64B-x500",), "sluice-async", "c-uring", 1.15),
    Requirement("CPU per message, handler, of the better C", "cpu_us", ("16KiB-x50", "bulk-x1", "bulk-x8"),
                "sluice-handler", BETTER_C, 1.10),
    Requirement("user CPU per message, us, handler", "user_us", ("64B-x50",), "sluice-handler", None, 0.15),
    Requirement("user CPU per message, us, async", "user_us", ("64B-x50",), "sluice-async", None, 0.6),
    Requirement("user instructions per message, handler", "instructions", ("64B-x50",), "sluice-handler", None, 900),
    Requirement("user instructions per message, async", "instructions", ("64B-x50",), "sluice-async", None, 2500),
    Requirement("CPU per message, handler, of SwiftNIO with handlers", "cpu_us", SMALL, "sluice-handler", "nio-handler", 0.70),
    Requirement("CPU per message, async, of NIOAsyncChannel", "cpu_us", SMALL, "sluice-async", "nio-async", 0.35),
    Requirement("CPU per message on epoll, handler, of C epoll", "cpu_us", ON_EPOLL, "sluice-epoll-handler", "c-epoll", 1.10),
    Requirement("CPU per message on epoll, async, of C epoll", "cpu_us", ON_EPOLL, "sluice-epoll-async", "c-epoll", 1.20),
    Requirement("CPU per message on epoll, handler, of SwiftNIO with handlers", "cpu_us", ON_EPOLL, "sluice-epoll-handler",
                "nio-handler", 0.75),
    Requirement("p99.9 in open loop, handler, of SwiftNIO with handlers", "p999_us", ("open-20k", "open-half-handler"),
                "sluice-handler", "nio-handler", 1.0, True),
    Requirement("p99.9 in open loop, async, of NIOAsyncChannel", "p999_us", ("open-20k", "open-half-async"),
                "sluice-async", "nio-async", 1.0, True),
    Requirement("p50 with spinning, of C epoll", "p50_us", ("64B-x1",), "sluice-handler-spin", "c-epoll", 0.5),
    Requirement("p50 without spinning, of the better C", "p50_us", ("64B-x1",), "sluice-handler", BETTER_C, 1.0),
    Requirement("CPU per connection, handler, of the better C", "cpu_us", ("churn",), "sluice-handler", BETTER_C, 1.25),
    Requirement("CPU per connection, async, of the better C", "cpu_us", ("churn",), "sluice-async", BETTER_C, 1.25),
    Requirement("CPU per connection, handler, of SwiftNIO with handlers", "cpu_us", ("churn",), "sluice-handler",
                "nio-handler", 0.65),
    Requirement("CPU per connection, async, of NIOAsyncChannel", "cpu_us", ("churn",), "sluice-async", "nio-async", 0.65),
    Requirement("resident bytes per idle connection, handler", "idle_bytes", ("idle",), "sluice-handler", None, 600),
    Requirement("resident bytes per idle connection, async", "idle_bytes", ("idle",), "sluice-async", None, 1536),
    Requirement("system calls per message, handler", "syscalls", ("64B-x50",), "sluice-handler", None, 0.1),
    Requirement("system calls per message, async", "syscalls", ("64B-x50",), "sluice-async", None, 0.1),
]
