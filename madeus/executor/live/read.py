"""Reading live assemblies: what is settled, and what the steps of the runs since then have made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from madeus.executor.inventory import Inventory
from madeus.executor.journal.errors import Holder
from madeus.executor.journal.events import RunHead, RunState
from madeus.executor.journal.living import (
    ChangeRow,
    LiveRow,
    VersionRow,
    change_rows,
    live_row,
    live_rows,
)
from madeus.executor.journal.lock import holder_of, is_alive
from madeus.executor.journal.store import FILE, Journal, state_directory
from madeus.executor.live.claims import Claims
from madeus.executor.live.errors import NoLiveAssembly
from madeus.executor.live.memory import Memory
from madeus.executor.live.state import LiveState, Part, with_parts
from madeus.model import Assembly, ComponentType, Program
from madeus.model.codec import NotAModel


@dataclass(frozen=True, slots=True)
class Change:
    """A run on a live assembly."""

    row: ChangeRow
    head: RunHead
    holder: Holder | None
    """The living controller that drives it; None: nobody does."""

    @property
    def claims(self) -> Claims:
        """What it touches."""
        return Claims(frozenset(self.row.writes), frozenset(self.row.reads))

    @property
    def finished(self) -> bool:
        """Whether it is done, or given up."""
        return self.head.state in (RunState.DONE, RunState.ABANDONED, RunState.ROLLED_BACK)

    @property
    def status(self) -> str:
        """Its state in a word; ``lost`` when its controller died."""
        lost = self.head.state is RunState.RUNNING and self.holder is None
        return "lost" if lost else str(self.head.state)


@dataclass(frozen=True)
class Live:
    """A live assembly."""

    row: LiveRow
    versions: tuple[VersionRow, ...]
    changes: tuple[Change, ...]
    state: LiveState
    """Where it stands now, running runs included."""
    settled: LiveState
    """Where it stands with what finished runs have done."""
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Its name."""
        return self.row.name

    @property
    def latest(self) -> VersionRow:
        """Its newest model."""
        return self.versions[-1]

    @cached_property
    def types(self) -> Mapping[str, ComponentType]:
        """Component types of its newest model. Raises NotAModel."""
        return self.memory.model(self.latest)[0]

    @cached_property
    def programs(self) -> Mapping[str, Program]:
        """Programs of its newest model. Raises NotAModel."""
        return self.memory.model(self.latest)[1]

    @cached_property
    def assembly(self) -> Assembly:
        """What it is made of now."""
        return self.state.assembly(self.name, self.types)

    @property
    def inventory(self) -> Inventory:
        """The inventory it is on. Raises NotAModel."""
        return self.memory.hosts(self.row)

    @property
    def unfinished(self) -> tuple[Change, ...]:
        """Runs that have not come to their end."""
        return tuple(change for change in self.changes if not change.finished)

    @property
    def status(self) -> str:
        """``idle``, or how its latest unfinished run stands."""
        return self.unfinished[-1].status if self.unfinished else "idle"


def read_live(journal: Journal, name: str, memory: Memory | None = None) -> Live:
    """A live assembly. memory: what this process knows of it already, and will know afterwards.

    Raises NoLiveAssembly, or JournalUnusable for a damaged journal.
    """
    memory = memory or Memory()
    row = memory.row(journal, name)
    if row is None:
        raise NoLiveAssembly(name, tuple(r.name for r in live_rows(journal)))
    return _read(journal, row, memory)


def read_all(state: Path | None = None) -> list[Live]:
    """All live assemblies of a state directory, by name. Raises JournalUnusable."""
    if not (state_directory(state) / FILE).exists():
        return []
    journal = Journal.open(state, create=False)
    try:
        return [_read(journal, row, Memory()) for row in live_rows(journal)]
    finally:
        journal.close()


def read_one(name: str, state: Path | None = None) -> Live:
    """A live assembly of a state directory. Raises NoLiveAssembly or JournalUnusable."""
    if not (state_directory(state) / FILE).exists():
        raise NoLiveAssembly(name, ())
    journal = Journal.open(state, create=False)
    try:
        return read_live(journal, name)
    finally:
        journal.close()


def lives(name: str, state: Path | None = None) -> bool:
    """Whether a state directory has a live assembly of that name. Raises JournalUnusable."""
    if not (state_directory(state) / FILE).exists():
        return False
    journal = Journal.open(state, create=False)
    try:
        return live_row(journal, name) is not None
    finally:
        journal.close()


def _read(journal: Journal, row: LiveRow, memory: Memory) -> Live:
    changes: list[Change] = []
    parts: list[tuple[Change, Part]] = []
    bare = {head.id: head for head in journal.heads()}  # without their snapshots, which are long
    living: dict[Holder, bool] = {}
    try:
        base = memory.state(row)
        rows = change_rows(journal, row.name)
        memory.look(journal, [found.run for found in rows if not found.merged])
        for found in rows:
            head = bare[found.run] if found.run in bare else journal.head(found.run)
            part: Part | None = None
            if not found.merged and head.state is not RunState.ROLLED_BACK:
                effects = with_parts(base, (p for _, p in parts)).effects if _shared(found, parts) else base.effects
                head, part = memory.run(journal, head, effects, found.writes)
            holder = holder_of(journal, head.lock) if head.state is RunState.RUNNING else None
            alive = holder is not None and holder.run == head.id and _lives(holder, living)
            changes.append(Change(found, head, holder if alive else None))
            if part is not None:
                parts.append((changes[-1], part))
    except NotAModel as error:
        raise journal.damaged(str(error)) from error
    memory.forget([change.row.run for change, _ in parts])
    state = with_parts(base, (part for _, part in parts))
    finished = [part for change, part in parts if change.finished]
    settled = state if len(finished) == len(parts) else with_parts(base, finished)
    return Live(row, memory.versions(journal, row.name), tuple(changes), state, settled, memory)


def _lives(holder: Holder, known: dict[Holder, bool]) -> bool:
    """`is_alive`; of many runs that one process drives it is asked once."""
    process = replace(holder, run="", epoch=0, since=0.0)
    if process not in known:
        known[process] = is_alive(holder)
    return known[process]


def _shared(row: ChangeRow, parts: Iterable[tuple[Change, Part]]) -> bool:
    """Whether an earlier run has changed one of the components of a run."""
    return any(not part.own.isdisjoint(row.writes) for _, part in parts)
