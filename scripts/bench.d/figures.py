"""From runs to figures: medians, spreads, ratios, verdicts. Pure functions: no files, no processes, no clock."""

import math
import statistics
from dataclasses import dataclass

from scenarios import BETTER_C, REQUIREMENTS

DISTURBED = 0.05    # share of the cores that other programs took: above it, a figure is not worth keeping
HELD_UP = 0.90      # a server that was busy for less than this share waited for its load
C_SERVERS = ("c-uring", "c-epoll")
# Figures of a run that are summed up by their median.
TIMED = ("cpu_us", "messages_per_second", "megabytes_per_second", "p50_us", "p90_us", "p99_us", "p999_us", "p9999_us",
         "max_us", "busy", "others", "load_cpu_us", "idle_bytes", "probed_bytes", "errors", "late",
         "zero_copy_sends", "zero_copy_copied")
# Figures of the counting passes, each a list of one value or a few.
COUNTED = ("syscalls", "allocations", "instructions")


@dataclass(frozen=True)
class Spread:
    """A figure over all rounds."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values):
        return Spread(statistics.median(values), min(values), max(values))


def user_share(user_ticks, system_ticks):
    """(share of the time in user space, its standard error) from ticks that hit one or the other; None without ticks."""
    total = user_ticks + system_ticks
    if total <= 0:
        return None
    share = user_ticks / total
    # No hit at all is no proof of nought: the error is that of one hit at least.
    likely = min(max(share, 1 / total), 1 - 1 / total) if total > 1 else 0.5
    return share, math.sqrt(likely * (1 - likely) / total)


def summarize(runs, counts):
    """{scenario: {server: figures}}. A figure is a Spread, or a plain number where it stands for all rounds at once."""
    summary = {}
    for run in runs:
        summary.setdefault(run["scenario"], {}).setdefault(run["server"], []).append(run)
    for scenario, servers in summary.items():
        for server, taken in servers.items():
            servers[server] = summarize_server(taken)
    for scenario, servers in counts.items():
        for server, figures in servers.items():
            row = summary.setdefault(scenario, {}).setdefault(server, {"rounds": {}, "failures": []})
            row.update({name: Spread.of(figures[name]) for name in COUNTED if figures.get(name)})
    return summary


def summarize_server(runs):
    good = [run for run in runs if not run.get("failure")]
    row = {"rounds": {run["round"]: run for run in good}, "failures": [run["failure"] for run in runs if run.get("failure")]}
    for name in TIMED:
        values = [run[name] for run in good if run.get(name) is not None]
        if values:
            row[name] = Spread.of(values)
    row["disturbed"] = sum(1 for run in good if (run.get("others") or 0) > DISTURBED)
    split = user_share(sum(run.get("user_ticks", 0) for run in good), sum(run.get("system_ticks", 0) for run in good))
    if split and "cpu_us" in row:
        share, error = split
        row["user_us"], row["user_us_error"] = row["cpu_us"].median * share, row["cpu_us"].median * error
        row["system_us"] = row["cpu_us"].median * (1 - share)
    return row


def value(row, figure):
    """The median, or the plain number; None where it was not measured."""
    found = (row or {}).get(figure)
    return found.median if isinstance(found, Spread) else found


def better_c(servers, figure):
    """The C reference with the lower figure, or None."""
    known = [label for label in C_SERVERS if value(servers.get(label), figure) is not None]
    return min(known, key=lambda label: value(servers[label], figure)) if known else None


def ratio(servers, subject, against, figure):
    """Of medians; None where one is missing or nought."""
    if against == BETTER_C:
        against = better_c(servers, figure)
    above, below = value(servers.get(subject), figure), value(servers.get(against), figure)
    return above / below if above is not None and below else None


def paired_ratios(servers, subject, against, figure):
    """Round by round: both ran within the same minute or so."""
    if against == BETTER_C:
        against = better_c(servers, figure)
    ours, theirs = (servers.get(label, {}).get("rounds", {}) for label in (subject, against))
    return [ours[number][figure] / theirs[number][figure] for number in sorted(ours.keys() & theirs.keys())
            if ours[number].get(figure) is not None and theirs[number].get(figure)]


def holds(measured, limit, strictly):
    return measured < limit if strictly else measured <= limit


def judge(summary, requirements=REQUIREMENTS):
    """One row for each requirement and scenario: required, measured, least and most over the rounds, verdict."""
    rows = []
    for requirement in requirements:
        for scenario in requirement.scenarios:
            rows.append(judge_one(requirement, scenario, summary.get(scenario, {})))
    return rows


def judge_one(requirement, scenario, servers):
    against, figure, subject = requirement.against, requirement.figure, requirement.subject
    row = {"text": requirement.text, "scenario": scenario, "limit": requirement.limit, "strictly": requirement.strictly,
           "is_ratio": against is not None, "against": against, "measured": None, "least": None, "most": None,
           "error": None, "disturbed": False, "verdict": "not measured"}
    if against is None:
        measured = value(servers.get(subject), figure)
        found = servers.get(subject, {}).get(figure)
        singles = [found.least, found.most] if isinstance(found, Spread) else []
    else:
        if against == BETTER_C:
            row["against"] = better_c(servers, figure)
        measured = ratio(servers, subject, against, figure)
        singles = paired_ratios(servers, subject, against, figure)
    if measured is None:
        return row
    row["measured"] = measured
    if singles:
        row["least"], row["most"] = min(singles), max(singles)
    # Counts do not depend on who else runs, nor does memory.
    row["disturbed"] = figure not in (*COUNTED, "idle_bytes") and any(
        servers.get(label, {}).get("disturbed") for label in (subject, row["against"]))
    met = holds(measured, requirement.limit, requirement.strictly)
    row["verdict"] = "met" if met else "not met"
    if against is None and f"{figure}_error" in servers[subject]:
        row["error"] = servers[subject][f"{figure}_error"]
        if abs(measured - requirement.limit) < 2 * row["error"]:
            row["verdict"] += ", within twice the sampling error"
    # A verdict that single rounds contradict is a close one, and says so.
    if any(holds(single, requirement.limit, requirement.strictly) != met for single in singles):
        row["verdict"] += ", not in every round" if met else ", in some rounds it was"
    return row


def half_of_slower(summary, scenario, labels):
    """Half of the lower peak of these servers, in messages a second and rounded to hundreds; None if one is missing."""
    peaks = [value(summary.get(scenario, {}).get(label), "messages_per_second") for label in labels]
    if any(peak is None for peak in peaks):
        return None
    return max(100, int(min(peaks) / 2 / 100) * 100)


def nice_step(span, count):
    """A step of 1, 2, 2.5 or 5 times a power of ten, so that about `count` of them make up the span."""
    raw = span / max(1, count)
    power = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999999)


def linear_ticks(most, count=5):
    """From nought to the first step at or above `most`."""
    if most <= 0:
        return [0.0, 1.0]
    step = nice_step(most, count)
    return [step * i for i in range(math.ceil(most / step * 0.999999) + 1)]


def log_ticks(least, most):
    """Powers of ten, and at both ends, or everywhere in a narrow range, twos and fives as well; they enclose the range."""
    most = max(most, least * 1.01)
    low, high = math.floor(math.log10(least) + 1e-9), math.ceil(math.log10(most) - 1e-9)
    powers = [10.0 ** power for power in range(low, high + 1)]
    ticks = [factor * power for power in powers for factor in (1, 2, 5)]
    first = max(tick for tick in ticks if tick <= least * 1.000001)
    last = min(tick for tick in ticks if tick >= most * 0.999999)
    inner = powers if last / first > 100 else ticks
    return sorted({first, last, *(tick for tick in inner if first <= tick <= last)})
