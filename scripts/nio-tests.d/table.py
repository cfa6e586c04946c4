"""The table of results, for people."""

import json
from collections import Counter


def counts(results, removed):
    states = Counter(result.state for result in results)
    passed, skipped = states["passed"], states["skipped"]
    return len(results) + len(removed), passed, len(results) - passed - skipped, skipped, len(removed)


def line(name, results, removed):
    every, passed, failed, skipped, out = counts(results, removed)
    return f"{name}: {every} tests, {passed} passed, {failed} failed, {skipped} skipped, {out} not applicable"


def failures(results):
    return [result for result in results if result.state not in ("passed", "skipped")]


def surprises(results, known):
    """Failures that nobody has judged."""
    return [(name, result) for name, own in results.items() for result in failures(own) if (name, result.test.name) not in known]


def versions(resolved, packages):
    pins = {pin["identity"]: pin["state"]["version"] for pin in json.loads(resolved.read_text())["pins"]}
    return " and ".join(f"{name} {pins[name]}" for name in sorted(set(packages)))


def page(results, removed, known, versions, driver):
    total = [sum(column) for column in zip(*(counts(own, removed[name]) for name, own in results.items()))]
    out = [
        "# SwiftNIO's own tests on this bridge",
        "",
        f"Files of {versions}, compiled against `RingEventLoopGroup`, `RingServerBootstrap` and `RingClientBootstrap` under "
        f"SwiftNIO's names, each run by itself{f', on {driver}' if driver else ''}. Written by `scripts/nio-tests --table`; what is left "
        "out, and what is known of failures, stands in `scripts/nio-tests.d/cases.txt`. Nothing of SwiftNIO is in this repository.",
        "",
        "Skipped: by the test itself, which asks the machine for something that it does not have. Not applicable: taken out, for the "
        "reasons below. Many tests of the files about futures, pipelines, upgrades and TLS run on embedded loops and show nothing of the "
        "bridge; they are counted because the files are run whole. SwiftNIO's end-to-end tests of WebSocket use no others, and are not here.",
        "",
        "| File | Tests | Passed | Failed | Skipped | Not applicable |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, own in results.items():
        out.append(f"| {name} | {' | '.join(map(str, counts(own, removed[name])))} |")
    out.append(f"| **all** | {' | '.join(f'**{number}**' for number in total)} |")
    out += ["", "## Failed", ""]
    bad = [(name, result) for name, own in results.items() for result in failures(own)]
    if bad:
        out += ["| Test | How | Why |", "|---|---|---|"]
    for name, result in bad:
        case = known.get((name, result.test.name))
        why = {"differs": "on purpose: ", "machine": "fails with SwiftNIO's own loops on this machine as well: ", "ours": "a fault of the bridge: "}[case.kind] + case.reason if case else "not judged yet"
        out.append(f"| {name}: `{result.test.name}` | {result.state} | {why} |")
    if not bad:
        out.append("None.")
    out += ["", "## Not applicable", ""]
    for kind, head in (("internals", "They build or inspect types of NIOPosix that are not public"),
                       ("nature", "They are of something that the bridge does not have, or has otherwise on purpose")):
        groups = {}
        for name in results:
            for test, its, reason in removed[name]:
                if its == kind:
                    groups.setdefault(reason, []).append(f"`{test}`")
        if groups:
            out += [f"{head}:", ""]
            out += [f"* {reason}: {', '.join(names)}" for reason, names in sorted(groups.items())]
            out.append("")
    return "\n".join(out).rstrip() + "\n"
