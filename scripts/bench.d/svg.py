"""Just enough SVG for line and bar charts: a page, and panels on it with axes."""

import math
from html import escape

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK, FAINT, GRID = "#1a1a1a", "#555555", "#dddddd"


def short(number):
    """A tick's label: 250, 20k, 1.5M, 0.05."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9999:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


class Page:
    """A picture with a white ground, so that it reads on dark pages, too."""

    def __init__(self, width, height, title, notes=()):
        self.width, self.height = width, height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="{FONT}" role="img">',
            f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        self.text(20, 28, title, size=17, weight="bold")
        for number, note in enumerate(notes):
            self.text(20, height - 12 - 15 * (len(notes) - 1 - number), note, size=11, color=FAINT)

    def text(self, x, y, text, size=12, anchor="start", color=INK, weight="normal", turned=False):
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}" '
                          f'font-weight="{weight}"{turn}>{escape(text)}</text>')

    def line(self, points, color, width=1.0, dash=""):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashes} '
                          'stroke-linejoin="round"/>')

    def box(self, x, y, width, height, color, opacity=1.0):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0, width):.1f}" height="{max(0, height):.1f}" '
                          f'fill="{color}" fill-opacity="{opacity}"/>')

    def dot(self, x, y, color, hollow=False):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{"#ffffff" if hollow else color}" '
                          f'stroke="{color}" stroke-width="1.6"/>')

    def legend(self, x, y, entries, step=None):
        """Entries are (label, color, dash), in one row from x on."""
        for label, color, dash in entries:
            self.line([(x, y - 4), (x + 26, y - 4)], color, 2.4, dash)
            self.dot(x + 13, y - 4, color, bool(dash))
            self.text(x + 32, y, label, size=12)
            x += step or 52 + 7.0 * len(label)

    def save(self, path):
        path.write_text("\n".join([*self.parts, "</svg>"]) + "\n")


class Scale:
    """From values to positions; `log` for ranges over several powers of ten."""

    def __init__(self, ticks, start, end, log=False):
        self.ticks, self.start, self.end, self.log = ticks, start, end, log
        self.low, self.high = (math.log10(ticks[0]), math.log10(ticks[-1])) if log else (ticks[0], ticks[-1])

    def __call__(self, value):
        at = math.log10(max(value, 10 ** self.low)) if self.log else value
        return self.start + (at - self.low) / (self.high - self.low) * (self.end - self.start)


class Panel:
    """One pair of axes: x to the right, y upwards, lines across at each tick of y."""

    def __init__(self, page, left, top, width, height, title, y_ticks, y_log=False, y_title=""):
        self.page, self.left, self.top, self.right, self.bottom = page, left, top, left + width, top + height
        self.y = Scale(y_ticks, self.bottom, self.top, y_log)
        page.text(left, top - 10, title, size=13, weight="bold")
        for tick in y_ticks:
            page.line([(self.left, self.y(tick)), (self.right, self.y(tick))], GRID)
            page.text(self.left - 6, self.y(tick) + 4, short(tick), size=11, anchor="end", color=FAINT)
        page.line([(self.left, self.bottom), (self.right, self.bottom)], INK)
        if y_title:
            page.text(self.left - 46, (self.top + self.bottom) / 2, y_title, size=12, anchor="middle", color=FAINT, turned=True)

    def x_labels(self, places, title=""):
        """`places` are (position, label)."""
        for x, label in places:
            self.page.line([(x, self.bottom), (x, self.bottom + 4)], INK)
            self.page.text(x, self.bottom + 17, label, size=11, anchor="middle", color=FAINT)
        if title:
            self.page.text((self.left + self.right) / 2, self.bottom + 35, title, size=12, anchor="middle", color=FAINT)
