"""Tables as commands print them: no wider than the terminal, and no blanks at the ends of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDE = 10_000
"""Columns where nobody looks: names that programs read are not cut."""


def make_table(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], folding: Sequence[str] = ()) -> Table:
    """A table without lines. folding: headings of columns that go on in the next line where there is no room."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in folding, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def print_table(console: Console, *tables: Table) -> None:
    """Print the first table that is no wider than the terminal; the last one folds where there is no room for it."""
    from rich.text import Text

    wide = console.options.update(max_width=WIDE)
    room = wide if not console.is_terminal else console.options
    fitting = (t for t in tables if console.measure(t, options=wide).maximum <= room.max_width)
    table = next(fitting, tables[-1])
    for line in console.render_lines(table, room, pad=False):
        text = Text()
        for segment in line:
            text.append(segment.text, segment.style)
        text.rstrip()
        console.print(text, soft_wrap=True)
