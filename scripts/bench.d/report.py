"""The report in Markdown, out of what was measured."""

import shlex

from figures import BETTER_C, DISTURBED, HELD_UP, Spread, judge, ratio, value
from scenarios import SCENARIOS, SERVERS

MISSING = "-"


def number(found, digits=None):
    """Three to four significant digits, with separators where they are many."""
    if found is None:
        return MISSING
    if digits is not None:
        return f"{found:,.{digits}f}"
    if found and abs(found) < 0.001:
        return f"{found:.6f}"
    return f"{found:,.0f}" if abs(found) >= 1000 else f"{found:.1f}" if abs(found) >= 100 else \
        f"{found:.2f}" if abs(found) >= 10 else f"{found:.3f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def spread(found, digits=None):
    if not isinstance(found, Spread):
        return MISSING
    return f"{number(found.median, digits)} ({number(found.least, digits)} to {number(found.most, digits)})"


def remarks(scenario, row):
    """What a reader must know before using the figures of this row."""
    found = []
    rounds = len(row.get("rounds", {}))
    if row.get("disturbed"):
        found.append(f"**disturbed** in {row['disturbed']} of {rounds} (others up to {row['others'].most * 100:.0f} %)")
    busy = value(row, "busy")
    if busy is not None and scenario.saturates and busy < HELD_UP:
        found.append(f"**held up by the load** (busy {busy * 100:.0f} %)")
    if (row.get("errors") and row["errors"].most) or 0:
        found.append(f"errors up to {row['errors'].most:.0f}")
    if row.get("zero_copy_sends"):
        found.append(f"zero-copy sends {row['zero_copy_sends'].median:.0f}, copied by the kernel "
                     f"{row['zero_copy_copied'].median:.0f}")
    for failure in sorted(set(row.get("failures", []))):
        found.append(f"**failed**: {one_line(failure)}")
    return "; ".join(found)


def one_line(text):
    return " / ".join(line.strip() for line in str(text).splitlines() if line.strip())[:160].replace("|", "/")


def timed_table(scenario, servers):
    known = [label for label in SERVERS if label in servers]
    against = lambda label, other: number(ratio(servers, label, other, "cpu_us"), 2)
    rows = []
    for label in known:
        row = servers[label]
        user = MISSING if "user_us" not in row else f"{row['user_us']:.3f} ± {row['user_us_error']:.3f}"
        rows.append([
            label, spread(row.get("cpu_us"), 2), user, number(row.get("system_us"), 2), against(label, BETTER_C),
            against(label, "c-uring"), against(label, "nio-handler"), spread(row.get("messages_per_second"), 0),
            number(value(row, "megabytes_per_second")), number(value(row, "p50_us")), number(value(row, "p99_us")),
            number(value(row, "p999_us")), number(value(row, "syscalls"), 4), number(value(row, "allocations"), 4),
            number(value(row, "instructions"), 0), number(value(row, "load_cpu_us"), 2), remarks(scenario, row)])
    return table(["server", f"CPU us a {scenario.unit}", "user", "kernel", "of the better C", "of C io_uring", "of NIO handlers",
                  f"{scenario.unit}s/s".replace("ys/s", "ies/s"), "MB/s", "p50 us", "p99 us", "p99.9 us", "system calls",
                  "allocations", "instructions", "load's CPU us", "remarks"], rows)


def idle_table(servers):
    rows = [[label, spread(servers[label].get("idle_bytes"), 0), spread(servers[label].get("probed_bytes"), 0),
             "; ".join(f"**failed**: {one_line(text)}" for text in sorted(set(servers[label].get("failures", []))))]
            for label in SERVERS if label in servers]
    return table(["server", "resident bytes a connection", "after one echo on each", "remarks"], rows)


def standing_table(rows):
    cells = []
    for row in rows:
        required = f"{'below' if row['strictly'] else 'at most'} {row['limit']:g}"
        of = f" of {row['against']}" if row["is_ratio"] and row["against"] else ""
        measured = number(row["measured"], 3 if row["is_ratio"] else None) + (of if row["measured"] is not None else "")
        if row["error"] is not None:
            measured += f" ± {row['error']:.3f}"
        if row["least"] is not None and row["least"] != row["most"]:
            digits = 3 if row["is_ratio"] else None
            measured += f" ({number(row['least'], digits)} to {number(row['most'], digits)})"
        verdict = row["verdict"] + (", **disturbed**" if row["disturbed"] else "")
        cells.append([row["text"], row["scenario"], required, measured, verdict])
    return table(["figure", "scenario", "required", "measured (rounds)", "verdict"], cells)


def environment_list(environment, settings):
    versions = environment["versions"]
    return "\n".join([
        f"* {environment['date']}, commit {versions['commit']}",
        f"* {environment['processor']}, {environment['cores']} cores, {environment['memory']}; kernel {environment['kernel']}, "
        f"congestion control {environment['congestion_control']}",
        f"* Swift {versions['swift']}, swift-nio {versions['swift-nio']}, liburing {versions['liburing']}, "
        f"gcc {versions['gcc']}",
        f"* server on {environment['server_core']}, load on {environment['load_core']}; load average at the start "
        f"{environment['load_average']}",
        f"* {settings['rounds_done']} of {settings['rounds']} rounds, {settings['seconds']:g} s each, load: {settings['load']}",
        f"* `{settings['command']}`",
    ])


def notes(environment, settings):
    """Two lines below each plot."""
    versions = environment["versions"]
    return [f"{environment['date'][:10]}, {environment['processor']}, {environment['cores']} cores, Linux {environment['kernel']}; "
            f"Swift {versions['swift']}, swift-nio {versions['swift-nio']}, liburing {versions['liburing']}, gcc {versions['gcc']}",
            f"median and range of {settings['rounds_done']} interleaved rounds; commit {versions['commit']}"]


def tables(data, summary):
    """The part that docs/benchmarks.md takes, from the machine to the last table."""
    parts = [environment_list(data["environment"], data["settings"])]
    if data["notes"]:
        parts.append("Left out, or worth knowing:\n\n" + "\n".join(f"* {one_line(note)}" for note in data["notes"]))
    parts.append("### Where it must stand\n\n" + standing_table(judge(summary)))
    for scenario in SCENARIOS:
        servers = summary.get(scenario.name)
        if not servers:
            continue
        rates = {run.get("rate") for row in servers.values() for run in row.get("rounds", {}).values()} - {None}
        rate = f" ({', '.join(f'{rate:,.0f}/s' for rate in sorted(rates))})" if rates else ""
        parts.append(f"### {scenario.name}: {scenario.title}{rate}\n\n"
                     + (idle_table(servers) if scenario.mode == "idle" else timed_table(scenario, servers)))
    parts.append("### Commands\n\n```\n" + "\n".join(data["commands"]) + "\n```")
    return "\n\n".join(parts) + "\n"


def markdown(data, summary, plots):
    pictures = "\n".join(f"![{name}]({name})" for name in plots)
    return f"# Benchmark results\n\n{explanation()}\n\n{tables(data, summary)}\n{pictures}\n"


def explanation():
    return ("Medians over the rounds, least and most in brackets. CPU is the server's, in microseconds. `user` and `kernel` are "
            "sampled, pooled over all rounds, and given with the standard error. Ratios are those of CPU medians within this run. "
            f"`disturbed`: other programs took more than {DISTURBED * 100:.0f} % of the cores. `held up by the load`: "
            f"the server was busy for less than {HELD_UP * 100:.0f} % of the time. Method: docs/benchmarks.md.")


def command_lines(commands):
    lines = []
    for (scenario, label), (server, load) in commands.items():
        lines += [f"# {scenario}, {label}", shlex.join(server), shlex.join(load)]
    return lines
