"""One run of one server under one attack: a new server, honest probes, and the peers. Every wait has an end."""

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from measuring import C, ROOT, Failure, Process, Server
from passes import busy_ticks
from verdicts import beside_run, in_place, is_stats, last_stats, last_words, summary

PROGRAM = str(C / "build" / "hostile")
AFTER = 0.5          # seconds in which the server must serve again once the peers have left
SETTLING = 2.0       # seconds that a server may take to close what is gone
STOPPING = 2.0       # seconds that a server may take to stop once everybody has left
STATS_EVERY = 0.25


class Program(Process):
    """`hostile` in one of its modes, led by lines on its standard input; at the end of the input it ends."""

    def __init__(self, port, mode, *arguments, seconds):
        super().__init__(f"hostile {mode}", [PROGRAM, mode, "--port", str(port), "--steps", "--seconds", f"{seconds:.1f}",
                                             *map(str, arguments)], stdin=subprocess.PIPE)

    def say(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} ended early:\n" + "\n".join(self.lines.all()[-3:])) from None

    def ready(self, seconds):
        self.lines.wait_for("^step ready$", seconds, self.name)

    def result(self, seconds=10, tell=True):
        """Its line of JSON. The end of its input ends it."""
        if tell:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s") from None
        lines = self.lines.all()
        found = [line for line in lines if line.startswith("{")]
        if self.process.returncode != 0 or not found:
            raise Failure(f"{self.name} failed, status {self.process.returncode}:\n" + "\n".join(lines[-3:]))
        return json.loads(found[-1])


class Subject:
    """A server to be tried, and the options that it knows."""

    def __init__(self, label, command):
        self.label, self.words = label, list(command)
        try:
            shown = subprocess.run([*self.words, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure(f"{label}: {self.words[0]}: {error}") from None
        self.help = shown.stdout + shown.stderr

    def knows(self, *options):
        """Whether its --help names the options, and such values as --without takes by name."""
        return all(word in self.help for word in options)

    def command(self, pool, mode, options=()):
        """Without what it does not know: why_not() has said whether that matters."""
        words = list(self.words)
        if self.knows("--mode"):
            words += ["--mode", mode]
        if pool != "default":
            words += ["--pool-bytes", pool]
        if self.knows("--stats"):
            words += ["--stats", str(STATS_EVERY)]
        return words + (list(options) if self.knows(*options) else [])

    def why_not(self, attack, pool):
        """Why it cannot run so, or None."""
        if pool != "default" and not self.knows("--pool-bytes"):
            return f"{self.label} does not know --pool-bytes"
        if attack.options and not self.knows(*attack.options):
            return f"{self.label} does not know {shlex.join(attack.options)}"
        return None


class Runs:
    """What the runs share: how long the parts take."""

    def __init__(self, seconds, short, peers=None):
        self.seconds, self.short, self.peers = seconds, short, peers

    def count(self, attack):
        return self.peers or (attack.short_peers if self.short else attack.peers)

    def run(self, attack, subject, pool, mode):
        """The figures of one run. What breaks is one of them: a server that stands still must not end the others' runs."""
        command = subject.command(pool, mode, attack.options)
        if attack.kind == "shortage":
            command = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *command]
        try:
            with Server(f"{subject.label} ({attack.name}, {pool}, {mode})", command) as server:
                run = getattr(self, attack.kind)(attack, server)
                if "stopped" not in run:
                    run.update(stop(server))
        except Failure as failure:
            return {"broken": " / ".join(str(failure).splitlines())[:200]}
        lines = server.lines.all()
        run.update(summary(lines))
        if run["stopped"].startswith("ended by itself"):
            run["last_words"] = last_words(lines)
        return run

    def beside(self, attack, server):
        limit = attack.arrival + 4 * self.seconds + 60
        common = ["--bytes", attack.probe_bytes, "--patience", 30]
        anew = ["--fresh", "--interval", max(0.02, attack.probe_interval)]
        with Program(server.port, "probe", *common, "--interval", attack.probe_interval, seconds=limit) as probe, \
                Program(server.port, "probe", *common, *anew, seconds=limit) as newcomer:
            def window(name, seconds):
                probe.say(name)
                newcomer.say(name)
                time.sleep(seconds)

            window("settling", 0.2)
            window("alone", self.seconds)
            window("arriving", 0)
            run = {}
            mode, *arguments = attack.arguments
            with Program(server.port, mode, "--connections", self.count(attack), *arguments, seconds=limit) as peers:
                try:
                    peers.ready(attack.arrival)
                except Failure as failure:
                    # They go on trying; what the probes see meanwhile counts.
                    if peers.process.poll() is not None:
                        raise
                    run["remark"] = str(failure)
                before = self.clocks(server, peers, probe, newcomer)
                window("beside", self.seconds)
                run["others"] = self.others(before, self.clocks(server, peers, probe, newcomer))
                run.update(last_stats(server.lines.seen))
                run["kernel_share"] = kernel_share()
                window("leaving", 0)
                run["peers"] = self.leaving(attack, peers, run)
            time.sleep(0.2)
            window("after", AFTER)
            run.update(beside_run(probe.result(), newcomer.result()))
        return run

    def leaving(self, attack, peers, run):
        if attack.arguments[0] != "bulk-before-read":
            result = peers.result(20)
        else:
            # It reads now, and everything that it wrote must come back.
            peers.say("read")
            result = peers.result(30, tell=False)
            if result["whole"] != result["connections"]:
                run["broken"] = f"{result['received']:,} of {result['sent']:,} bytes came back"
        if result["wrong"]:
            run["broken"] = "wrong bytes came back to the peers"
        run["in_place"] = in_place(result)
        return result

    def resets(self, attack, server):
        processes = 4
        before = server.sockets()
        mode, *arguments = attack.arguments
        crowd = []
        run = {"made": 0}
        try:
            # Several at once: the server must be kept busy, so that bytes and reset reach it as one.
            for _ in range(processes):
                crowd.append(Program(server.port, mode, "--connections", self.count(attack) // processes, *arguments, seconds=60))
            end = time.monotonic() + 60
            for peers in crowd:
                peers.ready(max(1, end - time.monotonic()))
            run["made"] = sum(peers.result()["opened"] for peers in crowd)
            if run["made"] < self.count(attack) // processes * processes:
                run["broken"] = f"only {run['made']:,} connections were made"
        finally:
            for peers in crowd:
                peers.__exit__(None, None, None)
        end = time.monotonic() + SETTLING
        while server.sockets() > before and time.monotonic() < end:
            time.sleep(0.05)
        run["left"] = max(0, server.sockets() - before)
        time.sleep(2 * STATS_EVERY)
        run["open"] = last_stats(server.lines.seen)["open"]
        run.update(self.probed(server))
        return run

    def stop(self, attack, server):
        limit = 3.0 if self.short else 12.0
        with Program(server.port, *attack.arguments, "--connections", self.count(attack), seconds=limit + 60) as peers:
            peers.ready(30)
            stopped = stop(server, limit)
            result = peers.result()
        return {**stopped, "made": result["opened"], "ended": result["ended_by_server"], "reset": result["reset_by_server"],
                **({} if result["received"] == result["sent"] else {"broken": "not every connection had its echo"})}

    def shortage(self, attack, server):
        storm = 1.0 if self.short else 2.0
        logged = lambda: sum(1 for line in list(server.lines.seen) if not is_stats(line))
        with Program(server.port, *attack.arguments, "--connections", self.count(attack), "--storm", storm, seconds=60) as peers:
            peers.ready(storm + 20)
            time.sleep(0.3)
            lines, spent, begun = logged(), server.cpu_nanoseconds(), time.monotonic()
            time.sleep(max(1.0, self.seconds))
            elapsed = time.monotonic() - begun
            run = {"lines_a_second": (logged() - lines) / elapsed, "quiet_cpu": (server.cpu_nanoseconds() - spent) / 1e9 / elapsed}
            result = peers.result(20)
            run["made"] = result["opened"]
            if not result["served"]:
                run["broken"] = "served none of them"
        time.sleep(0.3)
        run.update(self.probed(server))
        run["lines"] = logged()
        return run

    def probed(self, server):
        """Whether the server still serves, once they have gone."""
        with Program(server.port, "probe", "--interval", "0.02", "--fresh", "--patience", "5", seconds=30) as probe:
            probe.say("after")
            time.sleep(AFTER)
            found = probe.result()["windows"][-1]
        return {"served_after": found["count"] > 0, "failures": found["failures"], "why": found["failure"]}

    def clocks(self, *processes):
        return {"time": time.monotonic(), "ours": sum(process.cpu_nanoseconds() for process in processes),
                "cores": busy_ticks(sorted(os.sched_getaffinity(0)))}

    @staticmethod
    def others(first, last):
        """The share of the cores that other programs took."""
        elapsed = (last["time"] - first["time"]) * len(os.sched_getaffinity(0))
        busy = (last["cores"] - first["cores"]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, busy - (last["ours"] - first["ours"]) / 1e9) / elapsed


def kernel_share():
    """How much of the memory that the system allows all of TCP is in use: above the middle mark it slows everybody down."""
    words = next((line.split() for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:")), [])
    used = int(words[words.index("mem") + 1]) if "mem" in words else 0
    return used / int(Path("/proc/sys/net/ipv4/tcp_mem").read_text().split()[1])


def ending(status):
    """A status of a process as people call it."""
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def stop(server, seconds=STOPPING):
    """Asks the server to stop, asks again, and ends it: how long the first took, and which of them it took."""
    begun = time.monotonic()
    if server.process.poll() is not None:
        return {"stopped": f"ended by itself, {ending(server.process.returncode)}", "stop_seconds": None}
    for how, limit in (("clean", seconds), ("by a second signal", STOPPING)):
        server.process.send_signal(signal.SIGTERM)
        try:
            status = server.process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            continue
        took = time.monotonic() - begun if how == "clean" else seconds
        return {"stopped": how if status == 0 else f"{how}, {ending(status)}", "stop_seconds": took}
    server.process.kill()
    server.process.wait()
    return {"stopped": "by SIGKILL", "stop_seconds": seconds}
