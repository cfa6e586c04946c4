"""What scripts/lib/tests.sh makes of runs that fail: with a `swift` that says what it is told to."""

import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The first call is the run; the others are those of the tests that failed in it. Each writes down what it was asked for.
SWIFT = """#!/usr/bin/env bash
echo "$*" >>"$PLAN/calls"
number=$(wc -l <"$PLAN/calls")
file=$PLAN/$number
[[ -e $file ]] || file=$PLAN/otherwise
cat "$file"
grep -q passed "$file"
"""

PASSED = "✔ Test run with 5 tests in 2 suites passed after 0.1 seconds.\n"


def failed(*names):
    lines = [f"✘ Test {name}(mode:) recorded an issue with 1 argument mode → .tasks at T.swift:1:1: no\n" for name in names]
    lines += [f"✘ Test {name}(mode:) with 2 test cases failed after 1.5 seconds with 1 issue.\n" for name in names]
    lines += ["✘ Suite SomeTests failed after 2 seconds with 1 issue.\n"]
    return "".join(lines) + "✘ Test run with 858 tests in 129 suites failed after 92.3 seconds with 1 issue.\n"


class RunningTests(unittest.TestCase):
    def run_tests(self, *outputs, otherwise=PASSED):
        """Runs with a runner that prints these, and then `otherwise`: the status, what was said, the calls, the warnings."""
        with tempfile.TemporaryDirectory() as folder:
            plan = pathlib.Path(folder)
            (plan / "swift").write_text(SWIFT)
            (plan / "swift").chmod(0o755)
            for number, output in enumerate(outputs, 1):
                (plan / str(number)).write_text(output)
            (plan / "otherwise").write_text(otherwise)
            (plan / "unsteady").touch()
            environment = dict(os.environ, PATH=f"{plan}:{os.environ['PATH']}", PLAN=folder, TMPDIR=folder)
            environment["SLUICE_UNSTEADY"] = str(plan / "unsteady")
            environment.pop("SLUICE_DRIVER", None)
            script = """set -euo pipefail
                . scripts/lib/requirements.sh
                . scripts/lib/tests.sh
                run_tests --traits A,B --filter X --skip 'Y|Z'
                printf 'summary: %s\\n' "$summary"
                echo behind"""
            done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
            calls = (plan / "calls").read_text().splitlines()
            return done.returncode, done.stdout + done.stderr, calls, (plan / "unsteady").read_text()

    def test_a_run_that_passes_is_one_call(self):
        status, said, calls, warnings = self.run_tests()
        self.assertEqual(status, 0, said)
        self.assertIn("summary: " + PASSED.strip(), said)
        self.assertEqual(calls, ["test --traits A,B --filter X --skip Y|Z"])
        self.assertEqual(warnings, "")

    def test_a_test_that_then_passes_ten_times_alone_is_a_warning(self):
        status, said, calls, warnings = self.run_tests(failed("one"))
        self.assertEqual(status, 0, said)
        self.assertIn(failed().splitlines()[-1] + "\n" + PASSED, said.split("summary: ")[1])
        self.assertEqual(calls[1:], [r"test --traits A,B --no-parallel --filter /(one)\("] * 10)
        self.assertEqual(warnings, "warning: failed among other tests, and passed 10 of 10 runs alone: one\n")

    def test_colours_change_nothing(self):
        coloured = failed("one").replace("✘", "\x1b[91m✘\x1b[0m")
        self.assertEqual(self.run_tests(coloured)[0], 0)

    def test_one_failure_in_ten_is_a_failure(self):
        status, said, calls, warnings = self.run_tests(failed("one"), *[PASSED] * 9, failed("one"))
        self.assertEqual((status, len(calls), warnings), (1, 11, ""))
        self.assertIn("error: the tests failed", said)
        self.assertNotIn("behind", said)

    def test_one_that_always_fails_fails(self):
        status, _, calls, warnings = self.run_tests(failed("one", "two"), otherwise=failed("two"))
        self.assertEqual((status, len(calls), warnings), (1, 2, ""))

    def test_more_than_three_are_not_asked_again(self):
        self.assertEqual(self.run_tests(failed("a", "b", "c"))[0], 0)
        status, _, calls, _ = self.run_tests(failed("a", "b", "c", "d"))
        self.assertEqual((status, len(calls)), (1, 1))

    def test_a_runner_that_crashes_fails(self):
        for crashed in ["", "✘ Test one() failed after 1 seconds with 1 issue.\nerror: Exited with unexpected signal code 11\n"]:
            status, said, calls, _ = self.run_tests(crashed)
            self.assertEqual((status, len(calls)), (1, 1))
            self.assertIn("no summary", said)

    def test_a_run_that_fails_and_names_no_test_fails(self):
        status, _, calls, _ = self.run_tests("✘ Test run with 5 tests failed after 1 seconds.\n")
        self.assertEqual((status, len(calls)), (1, 1))

    def test_no_tests_are_a_failure(self):
        status, said, calls, _ = self.run_tests(PASSED.replace("5", "0"))
        self.assertEqual((status, len(calls)), (1, 1))
        self.assertIn("no test ran", said)
        # Neither is it a pass of a test by itself.
        self.assertEqual(self.run_tests(failed("one"), otherwise=PASSED.replace("5", "0"))[0], 1)


if __name__ == "__main__":
    unittest.main()
