"""From what was printed to figures, rows and verdicts. Pure functions: no files, no processes, no clock."""

import re
import statistics

from attacks import FAIR_US, MOST_LINES_A_SECOND, MOST_QUIET_CPU, MOST_RATIO, MOST_STOP_SECONDS, MOST_WAIT_US

STATS = re.compile(r"^connections \d+, messages \d+, in \d+ B")
DISTURBED = 0.10    # share of the cores that other programs took beside the peers: the waits may be theirs
MISSING = "–"
# Name in the row: how the server's lines call it.
GAUGES = {"open": r"^connections (\d+)", "posted": r"slots posted (\d+)", "locked": r"\blocked (\d+)", "free": r"\bfree (\d+)",
          "starved": r"starved waits (\d+)", "mapped": r"pool (\d+)/"}
# Of all rounds: the median, or the most.
MEDIANS = ("alone_us", "beside_us", "quiet_cpu", "lines_a_second", "posted", "locked")
MOSTS = ("longest_us", "newcomer_us", "arriving_us", "stop_seconds", "views_out", "leaked", "copied", "others", "left", "open",
         "lines", "ended", "reset", "made")
TOTALS = {"views_out": r"views out (\d+)", "leaked": r"slots leaked (\d+)", "copied": r"bytes copied (\d+)"}


def is_stats(line):
    """A line of figures, as --stats prints them; everything else is logged."""
    return STATS.match(line) is not None


def figures(line, patterns):
    """What a line says of each; None where it says nothing, so that lines may grow."""
    found = {name: re.search(pattern, line or "") for name, pattern in patterns.items()}
    return {name: int(match[1]) if match else None for name, match in found.items()}


def last_stats(lines):
    return figures(next((line for line in reversed(lines) if is_stats(line)), ""), GAUGES)


def summary(lines):
    return figures(next((line for line in reversed(lines) if "views out" in line or "slots leaked" in line), ""), TOTALS)


def last_words(lines, most=6):
    """What a server logged before it died; what it said over and over, once."""
    kept = {}
    for line in lines:
        if line and not is_stats(line):
            text = line.partition(" ")[2] or line  # without the time
            kept.pop(text, None)
            kept[text] = line
    return list(kept.values())[-most:]


def windows(result):
    """A probe's windows by name."""
    return {window["name"]: window for window in result["windows"]}


def in_place(peers):
    """Whether the peers did what they came for; where a server stands still they cannot, and need not."""
    if peers["mode"] == "one-byte" and peers["held"]:
        return peers["stalled"] or peers["holding"] >= 0.9 * peers["connections"]
    if peers["mode"] == "one-byte":
        return peers["stalled"] or peers["placed"] == peers["connections"]
    return peers["opened"] == peers["connections"] and peers["sent"] > 0


def beside_run(probe, newcomer):
    """The figures of one run beside hostile peers: of a steady connection, and of one that opens anew for each message."""
    steady, fresh = windows(probe), windows(newcomer)
    beside, other = steady["beside"], fresh["beside"]
    # Whenever it was: also while they came and left.
    failed = [window for window in (*steady.values(), *fresh.values()) if window["failures"]]
    return {
        "alone_us": steady["alone"]["median_us"], "beside_us": beside["median_us"] if beside["count"] else None,
        "p99_us": beside["p99_us"], "longest_us": beside["longest_us"],
        "newcomer_us": other["longest_us"], "newcomer_count": other["count"], "count": beside["count"],
        "arriving_us": max(steady["arriving"]["longest_us"], fresh["arriving"]["longest_us"]),
        "failures": sum(window["failures"] for window in failed), "why": failed[0]["failure"] if failed else "",
        "served_after": steady["after"]["count"] > 0 and fresh["after"]["count"] > 0,
    }


def merged(runs):
    """All rounds as one: medians of medians, the longest of the longest, failures added up."""
    row = {}
    for names, summed_up in ((MEDIANS, statistics.median), (MOSTS, max)):
        for name in names:
            values = [run[name] for run in runs if run.get(name) is not None]
            row[name] = summed_up(values) if values else None
    row["failures"] = sum(run.get("failures", 0) for run in runs)
    row["why"] = next((run["why"] for run in runs if run.get("why")), "")
    row["rounds"] = len(runs)
    row["standing_still"] = sum(1 for run in runs if run.get("count") == 0 or run.get("newcomer_count") == 0)
    row["not_in_place"] = sum(1 for run in runs if run.get("in_place") is False and run.get("count") and run.get("newcomer_count"))
    row["not_served_after"] = sum(1 for run in runs if run.get("served_after") is False)
    row["broken"] = [run["broken"] for run in runs if run.get("broken")]
    row["stops"] = sorted({run["stopped"] for run in runs if run.get("stopped")})
    return row


def measure_of(row, of_control, control_us):
    """What the median beside the peers is held against: the one alone. Where the peers use the cores as well, the one at a C server
    beside the same peers, which hangs on how many of the cores are left: beside other programs it may be next to nothing."""
    if not of_control:
        return row["alone_us"]
    return None if control_us is None else max(control_us, FAIR_US)


def verdict(kind, row, against_us=None):
    """(holds, what to say). `against_us`: the median that the one beside the peers is held against; None: it is not."""
    problems = list(dict.fromkeys(row["broken"]))
    rounds = lambda count: "" if count == row["rounds"] else f" in {count} of {row['rounds']} rounds"
    if kind in ("beside", "resets", "shortage") and row["standing_still"]:
        problems.append(f"stands still{rounds(row['standing_still'])}")
    if row["not_served_after"]:
        problems.append(f"serves nobody after they left{rounds(row['not_served_after'])}")
    if row["not_in_place"]:
        problems.append(f"the peers did not get in place, which proves nothing{rounds(row['not_in_place'])}")
    if kind == "beside":
        if row["beside_us"] is not None and against_us and row["beside_us"] > MOST_RATIO * against_us:
            problems.append("ratio")
        if not row["standing_still"] and max(row["longest_us"] or 0, row["newcomer_us"] or 0) > MOST_WAIT_US:
            problems.append("a wait")
    if row["failures"]:
        problems.append(f"failures ({row['why']})" if row["why"] else "failures")
    if kind == "resets":
        if row["left"]:
            problems.append(f"{row['left']} descriptors left")
        if row["open"]:
            problems.append(f"{row['open']} connections left")
    if kind == "stop" and (row["stop_seconds"] is None or row["stop_seconds"] >= MOST_STOP_SECONDS):
        problems.append("too slow")
    if kind == "shortage":
        if (row["lines_a_second"] or 0) > MOST_LINES_A_SECOND:
            problems.append("log lines")
        if (row["quiet_cpu"] or 0) > MOST_QUIET_CPU:
            problems.append("busy while nothing happens")
    for name, what in (("views_out", "views out"), ("leaked", "slots leaked")):
        if row[name]:
            problems.append(f"{row[name]} {what}")
    # A stop that has to be forced is a fault wherever it is seen; where it is the subject, it has been said.
    if kind != "stop":
        problems += [f"stop: {how}" for how in row["stops"] if how != "clean"]
    return not problems, "met" if not problems else "not met: " + ", ".join(problems)


def with_remark(text, row):
    others = row.get("others")
    return text + (f" (others took {others * 100:.0f} %)" if others is not None and others > DISTURBED else "")


def us(value):
    return MISSING if value is None else f"{value:,.0f}"


def ms(value):
    return MISSING if value is None else f"{value / 1000:,.1f}"


def plain(value, digits=0):
    return MISSING if value is None else f"{value:,.{digits}f}"


HEADS = {
    "beside": ["scenario", "pool", "mode", "server", "median alone, µs", "median beside, µs", "ratio", "longest beside, ms",
               "newcomer's longest, ms", "longest while they came, ms", "failures", "slots posted/locked", "views out",
               "slots leaked", "bytes copied", "verdict"],
    "resets": ["scenario", "pool", "mode", "server", "connections", "descriptors left", "open in its statistics", "failures after",
               "views out", "slots leaked", "bytes copied", "verdict"],
    "stop": ["scenario", "pool", "mode", "server", "connections", "s to exit", "ended by it", "reset by it", "views out",
             "slots leaked", "bytes copied", "verdict"],
    "shortage": ["scenario", "pool", "mode", "server", "log lines in all", "lines/s, nobody moving", "CPU then, % of a core",
                 "failures after", "views out", "slots leaked", "bytes copied", "verdict"],
}


def cells(kind, where, row, said, against_us=None, of=""):
    """One line of the table of its kind. `where`: scenario, pool, mode, server."""
    tail = [plain(row["views_out"]), plain(row["leaked"]), plain(row["copied"]), said]
    if kind == "beside":
        ratio = MISSING if row["beside_us"] is None or not against_us else f"{row['beside_us'] / against_us:.2f}{of}"
        slots = MISSING if row["posted"] is None else f"{row['posted']:.0f}/{row['locked']:.0f}"
        return [*where, us(row["alone_us"]), us(row["beside_us"]), ratio, ms(row["longest_us"]), ms(row["newcomer_us"]),
                ms(row["arriving_us"]), plain(row["failures"]), slots, *tail]
    if kind == "resets":
        return [*where, plain(row["made"]), plain(row["left"]), plain(row["open"]), plain(row["failures"]), *tail]
    if kind == "stop":
        seconds = MISSING if row["stop_seconds"] is None else f"{row['stop_seconds']:.2f}"
        if row["stops"] and row["stops"] != ["clean"]:
            seconds = f"over {seconds}"
        return [*where, plain(row["made"]), seconds, plain(row["ended"]), plain(row["reset"]), *tail]
    cpu = MISSING if row["quiet_cpu"] is None else f"{row['quiet_cpu'] * 100:.1f}"
    return [*where, plain(row["lines"]), plain(row["lines_a_second"], 1), cpu, plain(row["failures"]), *tail]
