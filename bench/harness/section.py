# SPDX-License-Identifier: PostgreSQL
"""What a benchmark has to say: tables of figures, and the goals beside what was reached; for people, as Markdown."""


def number(value):
    """Three or four digits that matter, as people write them."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"


def markdown(header, rows):
    """A Markdown table whose columns also line up on a terminal."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]

    def line(cells):
        padded = [cell.ljust(width) if column == 0 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(cells, widths))]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join([line(header), line(rule), *[line(row) for row in rows]])


class Section:
    """`name` is what ./dev bench takes; the title is its heading in results.md."""

    def __init__(self, name, title, about):
        self.name = name
        self.title = title
        self.about = about
        self.parts = []
        self.goals = []
        self.failures = []

    def figures(self, header, rows):
        self.parts.append(markdown(header, [[number(cell) for cell in row] for row in rows]))

    def text(self, text):
        self.parts.append(text)

    def cases(self, title, header, cases, keys, note=None):
        """A row a case, a column a key; who could not run says why."""
        rows = []
        self.fail(cases)
        for case in cases:
            label = case.name if case.chosen is None else f"{case.name} ({case.chosen})"
            if case.failure:
                rows.append([label, case.failure, *[""] * (len(keys) - 1)])
            else:
                rows.append([label, *[case.get(key) for key in keys]])
        self.figures([title, *header], rows)
        if note:
            self.text(note)

    def fail(self, cases):
        """Keeps what failed, for the exit status. Who is missing has not failed."""
        self.failures += [f"{self.name}: {case.name}: {case.failure}" for case in cases
                          if case.failure and not case.failure.startswith("missing")]

    def goal(self, what, value, relation, bound, unit=""):
        """`value` None: it, or what it is compared with, could not be measured."""
        if value is None:
            verdict = "not measured"
        else:
            verdict = "yes" if (value >= bound if relation == "≥" else value <= bound) else "NO"
        self.goals.append([what, f"{number(value)}{unit if value is not None else ''}", f"{relation} {bound:g}{unit}",
                           verdict])

    def ratio(self, what, ours, theirs, relation, bound):
        value = None if ours is None or not theirs else ours / theirs
        self.goal(what, value, relation, bound, "×")

    def render(self):
        parts = [f"## {self.title}", self.about, *self.parts]
        if self.goals:
            parts.append(markdown(["goal", "measured", "to reach", "reached"], self.goals))
        return "\n\n".join(parts) + "\n"
