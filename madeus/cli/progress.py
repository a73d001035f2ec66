"""How a run shows itself while it goes on: a table that renews itself, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from madeus.cli.board import Board, Row
from madeus.executor.progress import (
    ActionBegan,
    ActionEnded,
    AttemptFailed,
    ProgressEvent,
    RunBegan,
    StepTaken,
    Stopping,
    TransitionHeld,
    as_json,
)
from madeus.semantics import StepKind, System

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

FRAMES_PER_SECOND = 4
MOST_LINES = 40


class Show(Protocol):
    """A way to show a run."""

    def __call__(self, event: ProgressEvent) -> None:
        """Follow an event."""


@contextmanager
def showing(system: System, how: str) -> Iterator[Show]:
    """A listener that shows the run until the block ends. how: ``live``, ``plain``, ``json`` or ``none``."""
    if how == "json":
        yield json_lines
    elif how == "plain":
        yield Plain()
    elif how == "live":
        with Live(system).shown() as listener:
            yield listener
    else:
        yield lambda event: None


def json_lines(event: ProgressEvent) -> None:
    """One line for each event on standard output."""
    print(json.dumps(as_json(event)), flush=True)


class Plain:
    """Lines on standard error: what begins, what ends, what fails."""

    def __init__(self, write: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True)) -> None:
        self._write = write
        self._fired: dict[tuple[str, str], float] = {}
        self._hosts: dict[tuple[str, str], str] = {}

    def __call__(self, event: ProgressEvent) -> None:
        line = self._line(event)
        if line:
            self._write(f"{event.time:8.2f}s  {line}")

    def _line(self, event: ProgressEvent) -> str:
        match event:
            case RunBegan():
                return f"{'resuming' if event.resumed else 'run'} {event.run}"
            case StepTaken(at, _, step, _):
                return self._step(at, step.kind, step.component, step.element)
            case ActionBegan():
                again = f", attempt {event.attempt}" if event.attempt > 1 else ""
                earlier = ", begun earlier" if event.found else ""
                return f"  {event.component}.{event.transition}: {event.kind} on {event.host}{again}{earlier}"
            case AttemptFailed():
                later = f"; again in {event.pause:.1f} s" if event.pause is not None else ""
                return f"  {event.component}.{event.transition}: {event.reason}{later}"
            case ActionEnded() if not event.success:
                return f"  {event.component}.{event.transition}: {event.reason}"
            case TransitionHeld():
                return f"  {event.component}.{event.transition} waits for a slot of {event.host}"
            case Stopping():
                return f"stopping: {event.running} running; once more to leave at once"
            case _:
                return ""

    def _step(self, at: float, kind: StepKind, component: str, element: str) -> str:
        key = (component, element)
        match kind:
            case StepKind.FIRE | StepKind.RETRY:
                self._fired[key] = at
                return f"{component}.{element} {'starts' if kind is StepKind.FIRE else 'starts again'}"
            case StepKind.END:
                return f"{component}.{element} done{self._since(key, ' in', at)}"
            case StepKind.FAIL:
                return f"{component}.{element} FAILED{self._since(key, ' after', at)}"
            case StepKind.ENTER:
                return f"{component} is {element}"
            case StepKind.RECOVER:
                return f"{component}.{element} is abandoned; what its push declares for this recovers from it"
            case StepKind.ROLLBACK:
                return f"{component}: everything is taken back"
            case _:
                return ""

    def _since(self, key: tuple[str, str], word: str, at: float) -> str:
        """How long a transition took; nothing when an earlier controller started it."""
        fired = self._fired.pop(key, None)
        return "" if fired is None else f"{word} {at - fired:.2f} s"


class Live:
    """A table in the terminal, renewed a few times a second: components, their places, what runs and for how long."""

    def __init__(self, system: System) -> None:
        self._board = Board(system)
        self._title = system.assembly.name
        self._origin = time.monotonic()
        self._stopping = False

    def __call__(self, event: ProgressEvent) -> None:
        self._origin = time.monotonic() - event.time
        match event:
            case RunBegan():
                self._title = event.run
            case StepTaken(at, _, step, _):
                self._board.take(step, at)
            case ActionBegan():
                again = f", attempt {event.attempt}" if event.attempt > 1 else ""
                self._board.rows[event.component].doing[event.transition] = f"{event.kind}{again}"
            case AttemptFailed():
                self._board.rows[event.component].doing[event.transition] = "pause before the next attempt"
            case TransitionHeld():
                self._board.rows[event.component].held.append(event.transition)
            case Stopping():
                self._stopping = True
            case _:
                pass

    @contextmanager
    def shown(self) -> Iterator[Live]:
        """Show the table until the block ends; the last one stays."""
        from rich.console import Console
        from rich.live import Live as RichLive

        console = Console(stderr=True)
        with RichLive(
            get_renderable=self.render,
            console=console,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=False,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield self

    def resumed(self, board: Board) -> None:
        """Begin where an earlier controller stopped."""
        self._board = board

    def render(self) -> RenderableType:
        """The table as it is now."""
        from rich.console import Group
        from rich.text import Text

        now = time.monotonic() - self._origin
        rows = list(self._board.rows.values())
        # What moves first: a long list is cut.
        rows.sort(key=lambda r: (not r.failed, not r.running, not r.held, r.idle))
        running = sum(len(row.running) for row in rows)
        failed = sum(len(row.failed) for row in rows)
        summary = f"{self._title}  {now:.0f} s   {self._board.ended} done, {running} running"
        summary += f", {failed} failed" if failed else ""
        summary += "   stopping; Ctrl-C once more to leave at once" if self._stopping else ""
        hidden = len(rows) - MOST_LINES
        more = [Text(f"... and {hidden} more components", style="dim")] if hidden > 0 else []
        return Group(_table(rows[:MOST_LINES], now), *more, Text(summary, style="bold"))


def _table(rows: list[Row], now: float) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "host", "place", "doing"):
        table.add_column(heading, no_wrap=heading != "doing")
    for row in rows:
        doing = [f"{t} {now - since:.0f} s ({row.doing.get(t, 'starting')})" for t, since in row.running.items()]
        doing += [f"{t} waits for a slot" for t in row.held]
        line = Text(", ".join(doing))
        if row.failed:
            line.append(("; " if doing else "") + f"{', '.join(row.failed)} failed", style="bold red")
        table.add_row(row.component, row.host, Text(", ".join(row.places), "green" if row.idle else ""), line)
    return table
