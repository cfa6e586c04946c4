"""Runs tests and says of each how it ended. One that hangs or brings the process down costs only itself: the rest is run again."""

import os
import queue
import re
import signal
import subprocess
import threading
import time


class Test:
    def __init__(self, module, suite, name, is_modern):
        self.module, self.suite, self.name, self.is_modern = module, suite, name, is_modern


class Result:
    def __init__(self, test, state, notes=()):
        self.test, self.state, self.notes = test, state, list(notes)


def program(package):
    return str(package / ".build/debug/nio-testsPackageTests.xctest")


MODERN = ["--testing-library", "swift-testing"]


def tests(package):
    """All that are built, in the order in which the program names them."""
    found = []
    for is_modern, arguments in ((False, ["--list-tests"]), (True, [*MODERN, "--list-tests"])):
        answer = subprocess.run([program(package), *arguments], capture_output=True, text=True, timeout=120)
        for line in answer.stdout.splitlines():
            if match := re.match(r"\s*(\w+)\.(\w+)/(test\w*)(?:\(\))?(?:/|$)", line):
                found.append(Test(match[1], match[2], match[3], is_modern))
    return found


def run(package, tests, seconds, silence):
    """Each test of a file; `seconds` is what all of them together may take."""
    results, left = [], list(tests)
    end = time.monotonic() + seconds
    while left:
        if time.monotonic() >= end:
            results += [Result(test, "not run", ["the file's time was over"]) for test in left]
            break
        batch = [test for test in left if test.is_modern == left[0].is_modern]
        done, tail = attempt(package, batch, end, silence)
        if not done:
            results += [Result(test, "not run", tail) for test in batch]
            left = [test for test in left if test not in batch]
            continue
        results += done
        over = {result.test for result in done}
        left = [test for test in left if test not in over]
    order = {test: index for index, test in enumerate(tests)}
    return sorted(results, key=lambda result: order[result.test])


def command(package, batch):
    if batch[0].is_modern:
        names = "|".join(test.name for test in batch)
        suites = "|".join(sorted({test.suite for test in batch}))
        return [program(package), *MODERN, "--no-parallel", "--filter", rf"({suites})/({names})\(\)"]
    return [program(package), ",".join(f"{test.module}.{test.suite}/{test.name}" for test in batch)]


STARTED = re.compile(r"Test Case '(\w+)\.(\w+)' started|Test (?P<modern>test\w+)\(\) started")
ENDED = re.compile(
    r"Test Case '(\w+)\.(\w+)' (passed|failed|skipped)|Test (?P<modern>test\w+)\(\) (?P<state>passed|failed|skipped)"
)
NOTE = re.compile(r"(?:/\S*/)?(\w[\w+]*\.swift:\d+): error: \w+\.\w+ : (.*)|recorded an issue at (\S+\.swift:\d+)\S* (.*)")


def attempt(package, batch, end, silence):
    """Results of those that began, of one process; and its last words."""
    # Its own session, so that what it started ends with it; away from the terminal's signals.
    process = subprocess.Popen(
        command(package, batch), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True, env={**os.environ, "SWIFT_BACKTRACE": "enable=no"},
    )
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout] and None or lines.put(None), daemon=True).start()
    names = {(test.suite, test.name): test for test in batch}
    names |= {test.name: test for test in batch if test.is_modern}
    results, current, notes, tail, reason = [], None, [], [], None
    while True:
        try:
            line = lines.get(timeout=max(0.1, min(silence, end - time.monotonic())))
        except queue.Empty:
            reason = "hangs" if time.monotonic() < end else "out of time"
            os.killpg(process.pid, signal.SIGKILL)
            break
        if line is None:
            break
        tail = (tail + [line.rstrip()])[-3:]
        if match := STARTED.search(line):
            current, notes = names.get(match["modern"] or (match[1], match[2])), []
        elif match := ENDED.search(line):
            test = names.get(match["modern"] or (match[1], match[2]))
            if test:
                results.append(Result(test, match["state"] or match[3], notes))
            current = None
        elif match := NOTE.search(line):
            notes.append(f"{match[1] or match[3]} {match[2] or match[4]}"[:300])
        elif "Fatal error" in line or "recondition" in line:
            notes.append(line.strip()[-300:])
    status = process.wait()
    if current:
        words = notes or tail
        results.append(Result(current, reason or "ends the process", words + ([] if reason else [f"status {status}"])))
    return results, tail + [f"status {status}"]
