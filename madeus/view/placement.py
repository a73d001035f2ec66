"""Where the components of an assembly stand on the page: providers to the left of who uses them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import ceil, sqrt

BETWEEN_COLUMNS = 90.0
"""Room for connections, in pixels."""
BETWEEN_ROWS = 26.0
MARGIN = 24.0


def depths(names: Sequence[str], edges: Collection[tuple[str, str]]) -> dict[str, int]:
    """Depth of each component: one more than the deepest it uses. edges: (provider, user). What stands in a circle of uses
    is cut where the circle closes, in the order of names."""
    uses: dict[str, list[str]] = {name: [] for name in names}
    for provider, user in edges:
        uses[user].append(provider)
    depth: dict[str, int] = {}
    open_: set[str] = set()
    for root in names:
        pending = [root]
        while pending:
            name = pending[-1]
            if name in depth:
                pending.pop()
                continue
            open_.add(name)
            missing = [p for p in uses[name] if p not in depth and p not in open_]
            if missing:
                pending.append(missing[0])
            else:
                depth[name] = 1 + max((depth[p] for p in uses[name] if p in depth), default=-1)
                open_.discard(name)
                pending.pop()
    return depth


def place(
    sizes: Mapping[str, tuple[float, float]], edges: Collection[tuple[str, str]]
) -> dict[str, tuple[float, float]]:
    """Upper left corner of each component. sizes: (width, height) by name, in pixels; edges: (provider, user).

    One column for each depth, cut into several where it would be much higher than the drawing is wide.
    """
    depth = depths(tuple(sizes), edges)
    columns: dict[int, list[str]] = {}
    for name in sizes:
        columns.setdefault(depth[name], []).append(name)
    area = sum((w + BETWEEN_COLUMNS) * (h + BETWEEN_ROWS) for w, h in sizes.values())
    limit = max(700.0, sqrt(area) * 1.1)
    found: dict[str, tuple[float, float]] = {}
    x = MARGIN
    for level in sorted(columns):
        names = columns[level]
        height = sum(sizes[n][1] + BETWEEN_ROWS for n in names)
        each = ceil(len(names) / ceil(height / limit))
        for first in range(0, len(names), each):
            y = MARGIN
            part = names[first : first + each]
            for name in part:
                found[name] = (x, y)
                y += sizes[name][1] + BETWEEN_ROWS
            x += max(sizes[n][0] for n in part) + BETWEEN_COLUMNS
    return found
