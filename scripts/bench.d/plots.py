"""The three plots: throughput against connections, latency percentiles, CPU per message."""

import math

from figures import Spread, linear_ticks, log_ticks, value
from scenarios import SCENARIOS, SERVERS
from svg import FAINT, Page, Panel, Scale

# Colours that stay apart for the colour-blind. Ours are warm, C is dark, SwiftNIO blue; dashed: async.
STYLES = {
    "c-uring": ("#222222", ""), "c-epoll": ("#8a8a8a", ""), "sluice-handler": ("#d1495b", ""),
    "sluice-async": ("#e08e2b", "7 4"), "nio-handler": ("#2a6fbb", ""), "nio-async": ("#58a6d6", "7 4"),
    "sluice-epoll-handler": ("#c76f3a", "6 2"), "sluice-epoll-async": ("#c7a13a", "6 2"),
    "sluice-handler-spin": ("#8d3b72", "2 3"), "sluice-handler-zc": ("#3a8f5c", "2 3"),
}
PERCENTILES = [("p50_us", "p50"), ("p90_us", "p90"), ("p99_us", "p99"), ("p999_us", "p99.9"), ("p9999_us", "p99.99")]


def legend_of(labels):
    return [(label, *STYLES[label]) for label in SERVERS if label in labels]


def legend(page, left, entries):
    """In two rows where one would run out of the page."""
    half = len(entries) if len(entries) < 6 else math.ceil(len(entries) / 2)
    page.legend(left, 56, entries[:half], 190)
    page.legend(left, 76, entries[half:], 190)


def throughput(summary, notes):
    """Messages a second against connections; None where fewer than two numbers of connections were measured."""
    steps = [scenario for scenario in SCENARIOS
             if scenario.mode == "pingpong" and scenario.size == "64" and scenario.depth == 1 and scenario.rate is None
             and any(value(row, "messages_per_second") for row in summary.get(scenario.name, {}).values())]
    steps.sort(key=lambda scenario: scenario.connections)
    if len(steps) < 2:
        return None
    most = max(row["messages_per_second"].most for step in steps for row in summary[step.name].values()
               if "messages_per_second" in row)
    labels = {label for step in steps for label, row in summary[step.name].items() if "messages_per_second" in row}
    page = Page(920, 520, "Echoed messages of 64 bytes, server on one core", notes)
    panel = Panel(page, 80, 100, 800, 320, "", linear_ticks(most), y_title="messages a second")
    x = Scale([steps[0].connections * 0.7, steps[-1].connections * 1.4], panel.left, panel.right, log=True)
    panel.x_labels([(x(step.connections), f"{step.connections:,}") for step in steps], "connections (log scale)")
    for label in SERVERS:
        points = [(x(step.connections), summary[step.name][label]["messages_per_second"]) for step in steps
                  if "messages_per_second" in summary[step.name].get(label, {})]
        if not points:
            continue
        color, dash = STYLES[label]
        page.line([(at, panel.y(rate.median)) for at, rate in points], color, 2.2, dash)
        for at, rate in points:
            page.line([(at, panel.y(rate.least)), (at, panel.y(rate.most))], color, 1.2)
            page.dot(at, panel.y(rate.median), color, bool(dash))
    legend(page, 80, legend_of(labels))
    return page


def latency(summary, notes):
    """Percentiles in open loop; without one, those of the closed loop at 50 connections."""
    wanted = [scenario for scenario in SCENARIOS if scenario.rate is not None and summary.get(scenario.name)]
    wanted = wanted or [scenario for scenario in SCENARIOS if scenario.name == "64B-x50" and summary.get(scenario.name)]
    wanted = [scenario for scenario in wanted if any("p50_us" in row for row in summary[scenario.name].values())]
    if not wanted:
        return None
    rows = [row for scenario in wanted for row in summary[scenario.name].values() if "p50_us" in row]
    known = [(figure, name) for figure, name in PERCENTILES if any(figure in row for row in rows)]
    all_values = [row[figure].median for row in rows for figure, _ in known if figure in row and row[figure].median > 0]
    ticks = log_ticks(min(all_values), max(all_values))
    page = Page(max(860, 120 + 400 * len(wanted)), 530, "Latency by percentile", notes)
    width = 330 if len(wanted) > 1 else 730
    for number, scenario in enumerate(wanted):
        servers = summary[scenario.name]
        panel = Panel(page, 90 + 400 * number, 125, width, 310, panel_title(scenario, servers), ticks, y_log=True,
                      y_title="microseconds (log scale)" if number == 0 else "")
        x = Scale([-0.4, len(known) - 0.6], panel.left, panel.right)
        panel.x_labels([(x(i), name) for i, (_, name) in enumerate(known)])
        for label in SERVERS:
            points = [(x(i), servers[label][figure].median) for i, (figure, _) in enumerate(known)
                      if figure in servers.get(label, {})]
            if not points:
                continue
            color, dash = STYLES[label]
            page.line([(at, panel.y(time)) for at, time in points], color, 2.2, dash)
            for at, time in points:
                page.dot(at, panel.y(time), color, bool(dash))
    labels = [label for scenario in wanted for label, row in summary[scenario.name].items() if "p50_us" in row]
    entries = legend_of(labels)
    legend(page, 90, entries)
    return page


def panel_title(scenario, servers):
    rates = {run.get("rate") for row in servers.values() for run in row.get("rounds", {}).values()} - {None}
    if scenario.rate is None or not rates:
        return "closed loop, 64 B x 50"
    return f"open loop, {min(rates):,.0f} messages/s"


def cpu(summary, notes):
    """User and kernel time a message, one panel for each scenario, each with its own scale."""
    shown = [scenario for scenario in SCENARIOS if scenario.rate is None
             and any("cpu_us" in row for row in summary.get(scenario.name, {}).values())]
    if not shown:
        return None
    columns = min(3, len(shown))
    lines = math.ceil(len(shown) / columns)
    page = Page(max(60 + 330 * columns, 860), 160 + 230 * lines, "Server CPU per message: user (full) and kernel (pale)", notes)
    labels = set()
    for number, scenario in enumerate(shown):
        servers = [(label, summary[scenario.name][label]) for label in SERVERS
                   if "cpu_us" in summary[scenario.name].get(label, {})]
        labels |= {label for label, _ in servers}
        left, top = 70 + 330 * (number % columns), 125 + 230 * (number // columns)
        most = max(row["cpu_us"].most for _, row in servers)
        panel = Panel(page, left, top, 260, 150, scenario_title(scenario), linear_ticks(most, 4),
                      y_title=f"us a {scenario.unit}")
        width = 260 / len(servers)
        for i, (label, row) in enumerate(servers):
            x, color = left + width * i + width * 0.15, STYLES[label][0]
            cpu_us, user = row["cpu_us"], row.get("user_us", 0)
            page.box(x, panel.y(cpu_us.median), width * 0.7, panel.bottom - panel.y(cpu_us.median), color, 0.38)
            page.box(x, panel.y(user), width * 0.7, panel.bottom - panel.y(user), color)
            middle = x + width * 0.35
            page.line([(middle, panel.y(cpu_us.least)), (middle, panel.y(cpu_us.most))], "#000000", 1.2)
            page.text(middle, panel.bottom + 15, f"{cpu_us.median:.3g}", size=11, anchor="middle", color=FAINT)
    entries = [(label, color, "") for label, color, _ in legend_of(labels)]
    legend(page, 70, entries)
    return page


def scenario_title(scenario):
    title = {"bulk-x1": "bulk, 1 connection", "bulk-x8": "bulk, 8 connections", "churn": "churn",
             "fanout-x100": "fan-out to 100", "64B-x50-16": "64 B x 50, 16 in flight"}.get(scenario.name)
    return title or f"{scenario.name.split('-')[0].replace('B', ' B').replace('Ki B', ' KiB')} x {scenario.connections:,}"


def draw_all(summary, notes):
    """{file name: page}, of those that the figures suffice for."""
    pages = {"throughput.svg": throughput(summary, notes), "latency.svg": latency(summary, notes), "cpu.svg": cpu(summary, notes)}
    return {name: page for name, page in pages.items() if page is not None}
