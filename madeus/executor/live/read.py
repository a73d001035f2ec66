"""Reading live assemblies: what is settled, and what the steps of the runs since then have made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from madeus.executor.effects import Standing
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
    version_rows,
)
from madeus.executor.journal.lock import holder_of, is_alive
from madeus.executor.journal.snapshot import inventory_from_json, system_from_json
from madeus.executor.journal.store import FILE, Journal, state_directory
from madeus.executor.live.claims import Claims
from madeus.executor.live.errors import NoLiveAssembly
from madeus.executor.live.state import LiveState, merged, state_from_json
from madeus.executor.reconcile import recall
from madeus.model import Assembly, ComponentType, Program
from madeus.model.codec import NotAModel, read


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
        return read(Assembly, self.latest.model["assembly"]).types

    @cached_property
    def programs(self) -> Mapping[str, Program]:
        """Programs of its newest model. Raises NotAModel."""
        return {name: read(Program, coded) for name, coded in self.latest.model["programs"].items()}

    @cached_property
    def assembly(self) -> Assembly:
        """What it is made of now."""
        return self.state.assembly(self.name, self.types)

    @property
    def inventory(self) -> Inventory:
        """The inventory it is on. Raises NotAModel."""
        return inventory_from_json(self.row.inventory)

    @property
    def unfinished(self) -> tuple[Change, ...]:
        """Runs that have not come to their end."""
        return tuple(change for change in self.changes if not change.finished)

    @property
    def status(self) -> str:
        """``idle``, or how its latest unfinished run stands."""
        return self.unfinished[-1].status if self.unfinished else "idle"


def read_live(journal: Journal, name: str) -> Live:
    """A live assembly. Raises NoLiveAssembly, or JournalUnusable for a damaged journal."""
    row = live_row(journal, name)
    if row is None:
        raise NoLiveAssembly(name, tuple(r.name for r in live_rows(journal)))
    return _read(journal, row)


def read_all(state: Path | None = None) -> list[Live]:
    """All live assemblies of a state directory, by name. Raises JournalUnusable."""
    if not (state_directory(state) / FILE).exists():
        return []
    journal = Journal.open(state, create=False)
    try:
        return [_read(journal, row) for row in live_rows(journal)]
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


def _read(journal: Journal, row: LiveRow) -> Live:
    changes = []
    bare = {head.id: head for head in journal.heads()}  # without their snapshots, which are long
    for found in change_rows(journal, row.name):
        head = bare[found.run] if found.merged and found.run in bare else journal.head(found.run)
        holder = holder_of(journal, head.lock) if head.state is RunState.RUNNING else None
        alive = holder is not None and holder.run == head.id and is_alive(holder)
        changes.append(Change(found, head, holder if alive else None))
    try:
        state = settled = state_from_json(row.state)
        for change in changes:
            if not change.row.merged:
                same = state is settled
                state = _after(journal, state, change)
                if change.finished:
                    settled = state if same else _after(journal, settled, change)
    except NotAModel as error:
        raise journal.damaged(str(error)) from error
    return Live(row, tuple(version_rows(journal, row.name)), tuple(changes), state, settled)


def _after(journal: Journal, state: LiveState, change: Change) -> LiveState:
    """A state with the effect of a run's recorded steps. Raises NotAModel."""
    if change.head.state is RunState.ROLLED_BACK:
        return state
    system = system_from_json(change.head.program)
    standing = Standing(system, state.effects)
    conf = recall(system, journal.steps(change.head.id), standing).agenda.configuration
    instances = {**system.assembly.instance, **system.instances}
    return merged(state, change.row.writes, instances, conf, standing.effects)
