"""Tests of what needs no processes: python3 -m unittest discover -s scripts/bench.d"""

import contextlib
import dataclasses
import importlib.machinery
import importlib.util
import io
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "measure")]

import plots
import report
import servers
from figures import (Spread, better_c, half_of_slower, judge, judge_one, linear_ticks, log_ticks, nice_step, paired_ratios, ratio,
                     summarize, user_share, value)
from scenarios import BETTER_C, PEAK, REQUIREMENTS, SCENARIOS, SERVERS, Requirement
from svg import Scale, short

ABOUT = {"date": "2026-01-02 03:04 +0000", "processor": "P", "cores": 2, "kernel": "6", "memory": "1 GiB",
         "congestion_control": "cubic", "server_core": "core 0", "load_core": "core 1", "load_average": "0.00",
         "versions": {"commit": "c", "swift": "6", "swift-nio": "2", "liburing": "2.3", "gcc": "12"}}
SETTINGS = {"rounds": 2, "rounds_done": 2, "seconds": 1, "load": "EchoLoad", "command": "scripts/bench"}


def one(server, number, scenario="64B-x50", **figures):
    return {"scenario": scenario, "server": server, "round": number, "user_ticks": 1, "system_ticks": 99, "others": 0.0,
            "busy": 0.99, **figures}


class Statistics(unittest.TestCase):
    def test_median_and_ends(self):
        self.assertEqual(Spread.of([5, 1, 3]), Spread(3, 1, 5))
        self.assertEqual(Spread.of([4, 1]), Spread(2.5, 1, 4))

    def test_user_share_is_pooled_with_its_error(self):
        share, error = user_share(1, 99)
        self.assertAlmostEqual(share, 0.01)
        self.assertAlmostEqual(error, (0.01 * 0.99 / 100) ** 0.5)

    def test_a_share_without_hits_still_has_an_error(self):
        self.assertEqual(user_share(0, 100)[0], 0)
        self.assertAlmostEqual(user_share(0, 100)[1], (0.01 * 0.99 / 100) ** 0.5)
        self.assertGreater(user_share(100, 0)[1], 0)
        self.assertGreater(user_share(1, 0)[1], 0)
        self.assertIsNone(user_share(0, 0))

    def test_rounds_become_one_row(self):
        rows = summarize([one("a", 1, cpu_us=4.0), one("a", 2, cpu_us=2.0), one("a", 3, cpu_us=3.0, others=0.2),
                          {"scenario": "64B-x50", "server": "a", "round": 4, "failure": "it broke"}], {})["64B-x50"]["a"]
        self.assertEqual(rows["cpu_us"], Spread(3.0, 2.0, 4.0))
        self.assertEqual(rows["disturbed"], 1)
        self.assertEqual(rows["failures"], ["it broke"])
        self.assertAlmostEqual(rows["user_us"], 0.03)
        self.assertAlmostEqual(rows["system_us"], 2.97)
        self.assertIsNone(value(rows, "p50_us"))

    def test_counts_stand_beside_the_timed(self):
        summary = summarize([one("a", 1, cpu_us=1.0)], {"64B-x50": {"a": {"syscalls": [0.0, 0.5, 0.0]},
                                                                   "b": {"allocations": [2]}}})
        self.assertEqual(summary["64B-x50"]["a"]["syscalls"], Spread(0.0, 0.0, 0.5))
        self.assertEqual(value(summary["64B-x50"]["b"], "allocations"), 2)
        self.assertIsNone(value(summary["64B-x50"]["b"], "cpu_us"))

    def test_half_of_the_slower(self):
        summary = summarize([one("a", 1, messages_per_second=100_000.0), one("b", 1, messages_per_second=70_500.0)], {})
        self.assertEqual(half_of_slower(summary, "64B-x50", ("a", "b")), 35_200)
        self.assertIsNone(half_of_slower(summary, "64B-x50", ("a", "c")))


class Verdicts(unittest.TestCase):
    def servers(self, *rounds):
        """Rounds of (ours, c-uring, c-epoll)."""
        runs = [one(label, number, cpu_us=cpu) for number, values in enumerate(rounds, 1)
                for label, cpu in zip(("ours", "c-uring", "c-epoll"), values)]
        return summarize(runs, {})["64B-x50"]

    def requirement(self, against, limit, strictly=False):
        return Requirement("CPU", "cpu_us", ("64B-x50",), "ours", against, limit, strictly)

    def test_ratios_of_medians_and_of_rounds(self):
        servers = self.servers((2, 1, 4), (4, 4, 2), (3, 2, 2))
        self.assertEqual(ratio(servers, "ours", "c-uring", "cpu_us"), 1.5)
        self.assertEqual(paired_ratios(servers, "ours", "c-uring", "cpu_us"), [2, 1, 1.5])
        self.assertIsNone(ratio(servers, "ours", "nobody", "cpu_us"))

    def test_the_better_c_is_that_with_the_lower_figure(self):
        self.assertEqual(better_c(self.servers((2, 1, 4)), "cpu_us"), "c-uring")
        self.assertEqual(better_c(self.servers((2, 4, 1)), "cpu_us"), "c-epoll")
        self.assertIsNone(better_c({}, "cpu_us"))
        self.assertEqual(ratio(self.servers((2, 4, 1)), "ours", BETTER_C, "cpu_us"), 2)

    def test_met_and_not_met(self):
        servers = self.servers((1.05, 1, 9), (1.05, 1, 9))
        self.assertEqual(judge_one(self.requirement("c-uring", 1.05), "64B-x50", servers)["verdict"], "met")
        self.assertEqual(judge_one(self.requirement("c-uring", 1.05, True), "64B-x50", servers)["verdict"], "not met")
        self.assertEqual(judge_one(self.requirement("c-uring", 1.04), "64B-x50", servers)["verdict"], "not met")

    def test_close_ones_say_so(self):
        servers = self.servers((1.2, 1, 9), (1.0, 1, 9), (1.0, 1, 9))
        self.assertEqual(judge_one(self.requirement("c-uring", 1.1), "64B-x50", servers)["verdict"], "met, not in every round")
        servers = self.servers((1.2, 1, 9), (1.2, 1, 9), (1.0, 1, 9))
        self.assertEqual(judge_one(self.requirement("c-uring", 1.1), "64B-x50", servers)["verdict"],
                         "not met, in some rounds it was")

    def test_nothing_measured_is_no_verdict(self):
        self.assertEqual(judge_one(self.requirement("c-uring", 1), "64B-x50", {})["verdict"], "not measured")
        self.assertEqual(judge_one(self.requirement(None, 1), "64B-x50", {})["verdict"], "not measured")

    def test_figures_without_a_reference(self):
        servers = summarize([], {"64B-x50": {"ours": {"instructions": [901]}}})["64B-x50"]
        requirement = Requirement("", "instructions", ("64B-x50",), "ours", None, 900)
        self.assertEqual(judge_one(requirement, "64B-x50", servers)["verdict"], "not met")
        self.assertEqual(judge_one(dataclasses.replace(requirement, limit=901), "64B-x50", servers)["verdict"], "met")

    def test_a_sampled_figure_near_its_bound_says_so(self):
        servers = summarize([one("ours", 1, cpu_us=10.0)], {})["64B-x50"]  # user 0.1 +- 0.0995
        judged = judge_one(Requirement("", "user_us", ("64B-x50",), "ours", None, 0.15), "64B-x50", servers)
        self.assertEqual(judged["verdict"], "met, within twice the sampling error")
        judged = judge_one(Requirement("", "user_us", ("64B-x50",), "ours", None, 0.5), "64B-x50", servers)
        self.assertEqual(judged["verdict"], "met")

    def test_a_disturbed_reference_is_told(self):
        runs = [one("ours", 1, cpu_us=1.0), one("c-uring", 1, cpu_us=1.0, others=0.5)]
        self.assertTrue(judge_one(self.requirement("c-uring", 1), "64B-x50", summarize(runs, {})["64B-x50"])["disturbed"])
        counts = {"64B-x50": {"c-uring": {"syscalls": [1]}}}
        self.assertFalse(judge_one(Requirement("", "syscalls", ("64B-x50",), "c-uring", None, 1), "64B-x50",
                                   summarize(runs, counts)["64B-x50"])["disturbed"])

    def test_requirements_name_what_there_is(self):
        names = {scenario.name: scenario for scenario in SCENARIOS}
        for requirement in REQUIREMENTS:
            for name in requirement.scenarios:
                for label in {requirement.subject, requirement.against} - {None, BETTER_C}:
                    self.assertIn(label, SERVERS)
                    allowed = names[name].servers
                    self.assertTrue(not allowed or label in allowed, f"{label} does not run in {name}")
        self.assertLess([scenario.name for scenario in SCENARIOS].index(PEAK.name),
                        min(i for i, scenario in enumerate(SCENARIOS) if isinstance(scenario.rate, tuple)))


class Ticks(unittest.TestCase):
    def test_steps(self):
        self.assertEqual(nice_step(300_000, 5), 100_000)
        self.assertEqual(nice_step(1, 5), 0.2)
        self.assertAlmostEqual(nice_step(12, 5), 2.5)

    def test_linear_ticks_enclose(self):
        self.assertEqual(linear_ticks(300_000), [0, 100_000, 200_000, 300_000])
        self.assertEqual(linear_ticks(0), [0, 1])
        for most in (0.013, 1, 3.7, 99, 12_345):
            ticks = linear_ticks(most)
            self.assertGreaterEqual(ticks[-1], most * 0.999999)
            self.assertLess(ticks[-2], most)
            self.assertLessEqual(len(ticks), 7)

    def test_log_ticks_enclose(self):
        self.assertEqual(log_ticks(60, 90_000), [50, 100, 1000, 10_000, 100_000])
        self.assertEqual(log_ticks(0.03, 15), [0.02, 0.1, 1, 10, 20])
        self.assertEqual(log_ticks(60, 900), [50, 100, 200, 500, 1000])
        for least, most in ((1, 1), (5, 5), (99, 101), (0.3, 0.4), (7, 70_000_000)):
            ticks = log_ticks(least, most)
            self.assertLessEqual(ticks[0], least * 1.000001)
            self.assertGreaterEqual(ticks[-1], most * 0.999999)
            self.assertGreater(len(ticks), 1)

    def test_scales(self):
        self.assertAlmostEqual(Scale([1, 10, 100], 0, 200, log=True)(10), 100)
        self.assertAlmostEqual(Scale([0, 10], 300, 100)(5), 200)

    def test_labels(self):
        self.assertEqual([short(n) for n in (0, 0.05, 250, 1000, 20_000, 1_500_000)], ["0", "0.05", "250", "1k", "20k", "1.5M"])


class Reports(unittest.TestCase):
    def data(self):
        runs = [one(label, number, scenario, cpu_us=3.0 + number, messages_per_second=1e5, p50_us=50.0, p999_us=900.0, errors=0)
                for label in SERVERS for number in (1, 2) for scenario in ("64B-x1", "64B-x50", "64B-x500")]
        runs.append({"scenario": "churn", "server": "nio-async", "round": 1, "failure": "a | b\nc"})
        runs.append({"scenario": "idle", "server": "c-epoll", "round": 1, "idle_bytes": 24.0, "probed_bytes": 25.0})
        return {"environment": ABOUT, "settings": SETTINGS, "runs": runs, "counts": {}, "notes": ["a note"], "commands": ["x"]}

    def test_plots_are_well_formed(self):
        data = self.data()
        pages = plots.draw_all(summarize(data["runs"], {}), report.notes(ABOUT, SETTINGS))
        self.assertEqual(sorted(pages), ["cpu.svg", "latency.svg", "throughput.svg"])
        with tempfile.TemporaryDirectory() as folder:
            for name, page in pages.items():
                page.save(Path(folder) / name)
                self.assertIn("swift-nio 2", xml.dom.minidom.parse(str(Path(folder) / name)).toxml())

    def test_without_figures_there_are_no_plots(self):
        self.assertEqual(plots.draw_all({}, []), {})

    def test_every_row_of_a_table_has_all_cells(self):
        data = self.data()
        text = report.markdown(data, summarize(data["runs"], {}), ["cpu.svg"])
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            width = width or line.count("|")
            self.assertEqual(line.count("|"), width, line)
        self.assertIn("**failed**: a / b / c", text)
        self.assertIn("a note", text)

    def test_remarks(self):
        scenario = PEAK
        row = summarize([one("a", 1, cpu_us=1.0, others=0.3, busy=0.5)], {})["64B-x50"]["a"]
        self.assertIn("disturbed", report.remarks(scenario, row))
        self.assertIn("held up by the load", report.remarks(scenario, row))
        quiet = summarize([one("a", 1, cpu_us=1.0)], {})["64B-x50"]["a"]
        self.assertEqual(report.remarks(scenario, quiet), "")

    def test_judging_all_gives_a_row_for_each(self):
        self.assertEqual(len(judge({})), sum(len(requirement.scenarios) for requirement in REQUIREMENTS))


class GateVerdicts(unittest.TestCase):
    def setUp(self):
        path = Path(__file__).resolve().parents[1] / "gates"
        loader = importlib.machinery.SourceFileLoader("gates", str(path))
        self.gates = importlib.util.module_from_spec(importlib.util.spec_from_loader("gates", loader))
        dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        loader.exec_module(self.gates)
        sys.dont_write_bytecode = dont_write

    def broken(self, summary):
        found = self.gates.Gates()
        with contextlib.redirect_stdout(io.StringIO()):
            self.gates.check_copies(found, "handler", "64 B x 50", summary)
        return len(found.broken)

    def test_copies(self):
        self.assertEqual(self.broken("summary: bytes copied 0, slots leaked 0"), 0)
        self.assertEqual(self.broken("summary: bytes copied 64, slots leaked 0"), 1)
        self.assertEqual(self.broken("summary: slots leaked 0"), 1)

    def test_a_bound_may_be_reached(self):
        found = self.gates.Gates()
        with contextlib.redirect_stdout(io.StringIO()):
            found.check("x", "handler", 7.05, 7.05)
            self.assertEqual(found.broken, [])
            found.check("x", "handler", 7.06, 7.05)
        self.assertEqual(len(found.broken), 1)


class Servers(unittest.TestCase):
    def scenario(self, title, *labels):
        return servers.Scenario(title, dict.fromkeys(labels), drive=None)

    def test_a_ratio_is_the_median_of_the_rounds_own_ratios(self):
        # Each round is as noisy for the one as for the other.
        self.assertAlmostEqual(servers.ratio([2, 20, 3], [1, 10, 2]), 2)

    def test_each_row_names_its_spread_and_its_ratio_to_the_first(self):
        shown = servers.table([self.scenario("GET", "peer", "ours"), self.scenario("none", "peer", "ours")],
                              {("GET", "peer"): [2.0, 4.0, 3.0], ("GET", "ours"): [1.0, 2.0, 1.5]})
        self.assertIn("| GET | 3.00 (2.00–4.00) | 1.50 (1.00–2.00) **0.50** |", shown)
        self.assertNotIn("none", shown)

    def test_other_servers_begin_a_new_table(self):
        shown = servers.table([self.scenario("GET", "redis"), self.scenario("file", "nginx")],
                              {("GET", "redis"): [1.0], ("file", "nginx"): [1.0]})
        self.assertEqual(shown.count("| --- |"), 2)

    def test_children_count_as_their_parent(self):
        with subprocess.Popen(["sh", "-c", "sleep 60 & echo; wait"], stdout=subprocess.PIPE) as parent:
            parent.stdout.readline()
            try:
                found = servers.processes_of(parent.pid)
                self.assertEqual(len(found), 2)
                self.assertGreater(servers.cpu_nanoseconds(parent.pid), 0)
            finally:
                for process in reversed(found):
                    os.kill(process, signal.SIGKILL)

    def test_every_size_of_file_is_written_whole(self):
        with tempfile.TemporaryDirectory() as name:
            servers.write_files(Path(name))
            self.assertEqual({path.name: path.stat().st_size for path in (Path(name) / "www").iterdir()},
                             {servers.file_name(text): size for text, size in servers.SIZES.items()})


if __name__ == "__main__":
    unittest.main()
