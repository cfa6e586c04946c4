"""Tests of what scripts/hostile says about its runs: python3 -m unittest discover -s scripts/bench.d"""

import sys
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SCRIPTS / "hostile.d"), str(SCRIPTS / "measure")]

from attacks import ATTACKS
from verdicts import (HEADS, beside_run, cells, in_place, is_stats, last_stats, last_words, measure_of, merged, summary, verdict,
                      with_remark)

STATS = ("connections 2000, messages 823, in 67108864 B, out 1430840 B, pool 67108864/67108864 B, "
         "slots posted 0 locked 256 free 3, growths 64, starved waits 1")
SUMMARY = "summary: connections 2001, messages 5751, bytes in 4, bytes out 4, bytes copied 12, views out 1, slots leaked 2"
CLEAN = {"stopped": "clean", "views_out": 0, "leaked": 0, "copied": 0}


def window(name, count=100, median=50, longest=200, failures=0, failure="", seconds=1.0):
    return {"name": name, "count": count, "median_us": median, "p99_us": median * 2, "longest_us": longest, "failures": failures,
            "failure": failure, "seconds": seconds}


def probe(**beside):
    return {"windows": [window("all"), window("alone"), window("arriving", longest=700_000), window("beside", **beside),
                        window("leaving", count=0), window("after", count=20)]}


def beside(newcomer=None, **steady):
    return {**beside_run(probe(**steady), probe(**(newcomer or {}))), **CLEAN}


def judged(*runs, kind="beside", against=50):
    return verdict(kind, merged(list(runs)), against)


class Lines(unittest.TestCase):
    def test_statistics_are_told_from_what_is_logged(self):
        self.assertTrue(is_stats(STATS))
        self.assertFalse(is_stats("warning echo: connections 5 are too many"))
        self.assertFalse(is_stats(SUMMARY))

    def test_the_last_line_counts(self):
        found = last_stats([STATS.replace("locked 256", "locked 7"), STATS, "2026 warning"])
        self.assertEqual((found["open"], found["posted"], found["locked"], found["free"], found["starved"]), (2000, 0, 256, 3, 1))

    def test_a_line_may_grow_and_may_miss_figures(self):
        found = last_stats(["connections 1, messages 2, in 3 B, out 4 B, slots posted 5 locked 6, new 9"])
        self.assertEqual((found["open"], found["posted"], found["locked"], found["free"]), (1, 5, 6, None))
        self.assertEqual(set(last_stats([]).values()), {None})

    def test_summary(self):
        self.assertEqual(summary(["x", SUMMARY]), {"views_out": 1, "leaked": 2, "copied": 12})
        self.assertEqual(summary(["closed 4 connections, slots leaked 0"]), {"views_out": None, "leaked": 0, "copied": None})


    def test_last_words_are_said_once(self):
        self.assertEqual(last_words(["1 listening", "2 rests", STATS, "3 rests", "4 rests", "", "*** Signal 4"]),
                         ["1 listening", "4 rests", "*** Signal 4"])
        self.assertEqual(last_words([f"{i} {i}" for i in range(9)], 2), ["7 7", "8 8"])


class Verdicts(unittest.TestCase):
    def test_met(self):
        self.assertEqual(judged(beside()), (True, "met"))

    def test_the_bounds_themselves_are_met(self):
        self.assertTrue(judged(beside(median=100, longest=50_000))[0])
        self.assertEqual(judged(beside(median=101)), (False, "not met: ratio"))
        self.assertEqual(judged(beside(longest=50_001)), (False, "not met: a wait"))

    def test_the_newcomers_wait_counts_as_well(self):
        self.assertEqual(judged(beside(newcomer={"longest": 60_000})), (False, "not met: a wait"))

    def test_who_is_never_answered_stands_still(self):
        self.assertEqual(judged(beside(count=0, longest=1_000_000)), (False, "not met: stands still"))
        self.assertEqual(judged(beside(newcomer={"count": 0})), (False, "not met: stands still"))

    def test_one_round_is_enough(self):
        self.assertEqual(judged(beside(), beside(count=0), beside()), (False, "not met: stands still in 1 of 3 rounds"))
        self.assertEqual(judged(beside(), beside(longest=70_000))[1], "not met: a wait")

    def test_the_median_is_that_of_the_rounds(self):
        self.assertTrue(judged(beside(median=40), beside(median=900), beside(median=60))[0])

    def test_failures_say_what_failed(self):
        self.assertEqual(judged(beside(failures=2, failure="a wrong byte came back"))[1],
                         "not met: failures (a wrong byte came back)")

    def test_failures_while_they_came_or_left_count_as_well(self):
        for place in (2, 4):
            broken = probe()
            broken["windows"][place].update(failures=1, failure="Connection reset by peer")
            run = {**beside_run(probe(), broken), **CLEAN}
            self.assertEqual(judged(run)[1], "not met: failures (Connection reset by peer)")

    def test_not_served_after_they_left(self):
        stuck = probe()
        stuck["windows"][-1]["count"] = 0
        run = {**beside_run(stuck, probe()), "stopped": "clean"}
        self.assertEqual(judged(run)[1], "not met: serves nobody after they left")

    def test_a_broken_run_is_not_met(self):
        holds, said = judged({"broken": "hostile idle did not end within 10 s"})
        self.assertFalse(holds)
        self.assertIn("did not end", said)
        self.assertIn("did not end", judged({"broken": "hostile idle did not end"}, kind="shortage")[1])

    def test_without_a_reference_there_is_no_ratio(self):
        self.assertTrue(judged(beside(median=5_000), against=None)[0])

    def test_what_the_median_is_held_against(self):
        row = merged([beside()])
        self.assertEqual(measure_of(row, False, 5_000), 50)
        self.assertEqual(measure_of(row, True, 5_000), 5_000)
        self.assertEqual(measure_of(row, True, 30), 1_000)
        self.assertIsNone(measure_of(row, True, None))

    def test_views_and_slots(self):
        self.assertEqual(judged({**beside(), **summary([SUMMARY])})[1], "not met: 1 views out, 2 slots leaked")

    def test_a_forced_stop(self):
        self.assertEqual(judged({**beside(), "stopped": "by SIGKILL"})[1], "not met: stop: by SIGKILL")

    def test_resets(self):
        good = {"left": 0, "open": 0, "made": 10, "served_after": True, "failures": 0, "stopped": "clean"}
        self.assertEqual(judged(good, kind="resets"), (True, "met"))
        self.assertEqual(judged(good, {**good, "left": 7, "open": 6}, kind="resets")[1],
                         "not met: 7 descriptors left, 6 connections left")
        self.assertTrue(judged({**good, "open": None}, kind="resets")[0])

    def test_stop(self):
        good = {"stop_seconds": 0.2, "stopped": "clean", "made": 10}
        self.assertEqual(judged(good, kind="stop"), (True, "met"))
        self.assertFalse(judged({**good, "stop_seconds": 1.0}, kind="stop")[0])
        forced = {**good, "stop_seconds": 3.0, "stopped": "by a second signal"}
        self.assertEqual(judged(forced, kind="stop")[1], "not met: too slow")

    def test_shortage(self):
        good = {"lines_a_second": 0.5, "quiet_cpu": 0.01, "lines": 2, "served_after": True, "failures": 0, "stopped": "clean"}
        self.assertEqual(judged(good, kind="shortage"), (True, "met"))
        self.assertEqual(judged({**good, "lines_a_second": 10_000.0, "quiet_cpu": 0.26}, kind="shortage")[1],
                         "not met: log lines, busy while nothing happens")


class Places(unittest.TestCase):
    def test_bytes_that_the_server_does_not_hold_prove_nothing(self):
        peers = {"mode": "one-byte", "held": True, "connections": 100, "placed": 100, "holding": 90, "stalled": False}
        self.assertTrue(in_place(peers))
        self.assertFalse(in_place({**peers, "holding": 89}))
        self.assertTrue(in_place({**peers, "holding": 5, "placed": 5, "stalled": True}))
        self.assertTrue(in_place({**peers, "held": False, "holding": 0}))
        self.assertFalse(in_place({**peers, "held": False, "placed": 99}))

    def test_all_others_must_have_come(self):
        peers = {"mode": "write-never-read", "connections": 100, "opened": 100, "sent": 1}
        self.assertTrue(in_place(peers))
        self.assertFalse(in_place({**peers, "opened": 99}))

    def test_where_nobody_is_served_it_does_not_matter(self):
        missing = {**beside(), "in_place": False}
        self.assertEqual(judged(missing, beside())[1],
                         "not met: the peers did not get in place, which proves nothing in 1 of 2 rounds")
        self.assertEqual(judged({**beside(count=0), "in_place": False})[1], "not met: stands still")


class Tables(unittest.TestCase):
    def test_every_row_is_as_wide_as_its_head(self):
        where = ["scenario", "pool", "mode", "server"]
        for kind, head in HEADS.items():
            for runs in ([beside()], [{"broken": "it broke"}]):
                self.assertEqual(len(cells(kind, where, merged(runs), "said", 50)), len(head), kind)

    def test_figures(self):
        run = {**beside(median=75, longest=1_500), **last_stats([STATS])}
        line = cells("beside", ["s", "p", "m", "x"], merged([run]), "met", 50, " of C")
        self.assertEqual(line[4:12], ["50", "75", "1.50 of C", "1.5", "0.2", "700.0", "0", "0/256"])

    def test_a_stop_that_had_to_be_forced_took_longer_than_is_known(self):
        row = merged([{"stop_seconds": 3.0, "stopped": "by a second signal", "made": 2000}])
        self.assertIn("over 3.00", cells("stop", ["s", "p", "m", "x"], row, ""))

    def test_a_disturbed_run_says_so(self):
        self.assertEqual(with_remark("met", {"others": 0.5}), "met (others took 50 %)")
        self.assertEqual(with_remark("met", {"others": 0.02}), "met")
        self.assertEqual(with_remark("met", {}), "met")


class Scenarios(unittest.TestCase):
    def test_names_are_unique_and_kinds_have_tables(self):
        self.assertEqual(len({attack.name for attack in ATTACKS}), len(ATTACKS))
        self.assertLessEqual({attack.kind for attack in ATTACKS}, HEADS.keys())

    def test_the_short_form_is_no_larger(self):
        for attack in ATTACKS:
            self.assertLessEqual(attack.short_peers, attack.peers)
            self.assertLessEqual(set(attack.short_pools), set(attack.pools))


if __name__ == "__main__":
    unittest.main()
