"""The scenarios: who attacks, how many, against which pools, and what is required. A table, and no code beside it."""

from dataclasses import dataclass

# What an honest peer may lose by the presence of the others.
MOST_RATIO = 2.0            # of its median alone (fairness: of its median at a C server under the same load)
FAIR_US = 1_000             # what a portion of each of four busy connections takes; a C server that is faster is no measure
MOST_WAIT_US = 50_000
MOST_STOP_SECONDS = 1.0
MOST_LINES_A_SECOND = 1.0   # logged while nothing happens
MOST_QUIET_CPU = 0.05       # of a core, while nothing happens

POOLS = ("default", "1M", "256K")
MODES = ("handler", "async")


@dataclass(frozen=True)
class Attack:
    name: str
    title: str
    kind: str                     # beside, resets, stop, shortage: see runs.py
    peers: int
    short_peers: int
    arguments: tuple = ()         # of the hostile program, its mode first
    pools: tuple = ("default",)
    short_pools: tuple = ("default",)
    options: tuple = ()           # of the server, where it knows them
    probe_bytes: int = 64
    probe_interval: float = 0.005
    of_control: bool = False      # the ratio is to the C server beside the same peers: they use the cores as well
    arrival: float = 12           # seconds that the peers may take to get where they want to be
    short: bool = True


ATTACKS = (
    Attack("write-never-read", "peers write until nothing moves, and read nothing", "beside", 2000, 400,
           ("write-never-read",), pools=POOLS),
    Attack("one-byte-held", "each leaves a byte that the kernel does not take from the server", "beside", 1000, 300,
           ("one-byte", "--held"), pools=POOLS, arrival=25),
    Attack("one-byte", "each gets a byte back that it never reads", "beside", 1000, 300, ("one-byte",), short=False),
    Attack("bulk-before-read", "one client writes 64 MiB before it reads", "beside", 1, 1, ("bulk-before-read", "--bytes", "64m"),
           pools=POOLS, short_pools=("256K",)),
    Attack("fairness", "four push as fast as they can, the probe sends 8 bytes each 20 ms", "beside", 4, 4, ("bulk",),
           pools=("default", "256K"), short_pools=("256K",), probe_bytes=8, probe_interval=0.02, of_control=True),
    Attack("fairness-unlimited", "the same, without the kernel's limit on a receive", "beside", 4, 4, ("bulk",),
           options=("--without", "receiveLimit"), probe_bytes=8, probe_interval=0.02, of_control=True, short=False),
    Attack("reset-burst", "peers write 70,000 bytes and reset at once", "resets", 64_000, 16_000,
           ("reset-burst", "--burst", "50", "--bytes", "70000")),
    Attack("graceful-stop", "SIGTERM with idle connections", "stop", 10_000, 2_000, ("idle",)),
    Attack("shortage", "64 descriptors, and peers that come and go; then nobody moves", "shortage", 400, 400, ("accept-storm",)),
)
