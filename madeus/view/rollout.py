"""Simulated rollouts drawn: the share of upgraded machines over time, all protocols in one picture; SVG and one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, log10

from madeus.fleet.sensitivity import Sensitivity
from madeus.fleet.simulation import Outcome
from madeus.fleet.times import span

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 20, 50

MOST_CLUSTERS = 200
"""Clusters that a table of the page has."""

COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#a16207", "#0e7490")

_STYLE = """
svg{font:13px system-ui,sans-serif;background:#fff;color:#222}
svg text{fill:#222} .grid{stroke:#ddd} .axis{stroke:#666} .curve{fill:none;stroke-width:2}
"""

_PAGE_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:1rem 0} th,td{padding:.25rem .8rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left} svg{max-width:100%;height:auto}
"""


def rollout_svg(outcomes: Sequence[Outcome]) -> str:
    """The picture: a curve for each protocol."""
    longest = max((o.completion for o in outcomes), default=1.0) or 1.0
    unit, size = _unit(longest)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(time: float) -> float:
        return round(LEFT + wide * time / longest, 1)

    def y(share: float) -> float:
        return round(TOP + high * (1 - share), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" aria-label="Share of upgraded machines over time">',
        f"<style>{_STYLE}</style>",
    ]
    for percent in (0, 25, 50, 75, 100):
        at = y(percent / 100)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4}" text-anchor="end">{percent}%</text>')
    for tick in _ticks(longest / size):
        at = x(tick * size)
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="{y(0)}" y2="{y(0) + 5}"/>')
        parts.append(f'<text x="{at}" y="{y(0) + 20}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(0)}" y2="{y(0)}"/>')
    parts.append(
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 8}" text-anchor="middle">time from the start, {unit}</text>'
    )
    for number, outcome in enumerate(outcomes):
        colour, name = COLOURS[number % len(COLOURS)], escape(outcome.protocol)
        steps = "".join(f"H{x(time)}V{y(share)}" for time, share in outcome.upgraded())
        title = f"<title>{name}: {outcome.faulty:,} faulty upgrades, done after {span(outcome.completion)}</title>"
        parts.append(f'<path class="curve" stroke="{colour}" d="M{x(0)} {y(0)}{steps}">{title}</path>')
        at = TOP + 16 + 20 * number
        parts.append(
            f'<line x1="{LEFT + 10}" x2="{LEFT + 34}" y1="{at}" y2="{at}" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<text x="{LEFT + 40}" y="{at + 4}">{name}</text>')
    return "\n".join((*parts, "</svg>\n"))


def rollout_page(title: str, outcomes: Sequence[Outcome], table: Sensitivity | None = None) -> str:
    """The picture and the tables as one HTML file that needs nothing else."""
    heads = ("protocol", "faulty upgrades", "machines hit", "done after", "first cluster", "median cluster")
    rows = [
        (
            o.protocol,
            f"{o.faulty:,}",
            f"{o.hit:,}",
            span(o.completion),
            span(min(o.latency)),
            span(sorted(o.latency)[len(o.latency) // 2]),
        )
        for o in outcomes
    ]
    parts = [f"<h1>{escape(title)}</h1>", rollout_svg(outcomes), _table(heads, rows)]
    if table is not None:
        parts.append("<h2>Time to the last machine, by the time that a fix takes</h2>")
        fixes = ("protocol", *(f"fix {fix}" for fix in table.fixes))
        parts.append(_table(fixes, [(name, *(span(o.completion) for o in row)) for name, row in table.rows]))
    if 1 < len(outcomes[0].latency) <= MOST_CLUSTERS:
        parts.append("<h2>Time to the last machine of each cluster</h2>")
        each = zip(*(o.latency for o in outcomes), strict=True)
        lines = [(str(number), *map(span, row)) for number, row in enumerate(each, 1)]
        parts.append(_table(("cluster", *(o.protocol for o in outcomes)), lines))
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title><style>{_PAGE_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _unit(longest: float) -> tuple[str, float]:
    for name, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if longest >= 3 * size:
            return name, size
    return "seconds", 1.0


def _ticks(longest: float) -> list[float]:
    """Round numbers from 0, between four and ten of them."""
    step = 10.0 ** floor(log10(longest))
    step = next(step * f for f in (0.1, 0.2, 0.5, 1.0) if longest / (step * f) <= 10)
    return [round(step * n, 9) for n in range(int(longest / step) + 1)]
