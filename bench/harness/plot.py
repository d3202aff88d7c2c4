# SPDX-License-Identifier: PostgreSQL
"""Plots of sweeps as SVG: both axes logarithmic, a line a series, readable on light and on dark pages."""
import math

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 48, 56
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626")
STYLE = """text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:16px;font-weight:600}
.grid{stroke:#ddd}.axis{stroke:#888}.line{fill:none;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.page{fill:#181818}}.page{fill:#fff}"""


def label(value):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def decades(low, high):
    return range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)


class Axis:
    """Maps a range that spans whole decades to pixels."""

    def __init__(self, values, begin, end):
        self.powers = decades(min(values), max(values))
        if len(self.powers) == 1:
            self.powers = range(self.powers[0], self.powers[0] + 2)
        self.begin, self.end = begin, end

    def at(self, value):
        share = (math.log10(value) - self.powers[0]) / (self.powers[-1] - self.powers[0])
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self):
        return [10.0 ** power for power in self.powers]


def draw(path, title, x_label, y_label, series):
    """`series`: name → [(x, y), …], all of them greater than 0."""
    points = [point for line in series.values() for point in line]
    if not points:
        return
    x = Axis([point[0] for point in points], LEFT, WIDTH - RIGHT)
    y = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
           f"<title>{title}</title>",
           f"<style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
           f'<text class="title" x="{LEFT}" y="24">{title}</text>']
    for tick in x.ticks():
        out += [f'<line class="grid" x1="{x.at(tick)}" x2="{x.at(tick)}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>',
                f'<text x="{x.at(tick)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label(tick)}</text>']
    for tick in y.ticks():
        out += [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.at(tick)}" y2="{y.at(tick)}"/>',
                f'<text x="{LEFT - 8}" y="{y.at(tick) + 4}" text-anchor="end">{label(tick)}</text>']
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out += [f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_label}</text>',
            f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{y_label}</text>']
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path_points = " ".join(f"{x.at(a)},{y.at(b)}" for a, b in line)
        out.append(f'<polyline class="line" stroke="{colour}" points="{path_points}"/>')
        out += [f'<circle cx="{x.at(a)}" cy="{y.at(b)}" r="3.5" fill="{colour}">'
                f"<title>{label(a)}: {b:.3g}</title></circle>" for a, b in line]
        out.append(f'<text x="{WIDTH - RIGHT}" y="{24 + 16 * number}" text-anchor="end" style="fill:{colour}">'
                   f"{name}</text>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*out, "</svg>"]) + "\n")
