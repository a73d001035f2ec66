"""What one process knows already of a live assembly: so that it is not read whole again for each of many runs on it.

Nothing here decides anything. Texts of rows are compared before what was made of them is taken; a version of a model and the
snapshot of a run never change; of the steps of a run, which are only added to, those are read that are new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from madeus.executor.effects import Effects, Standing
from madeus.executor.inventory import Inventory
from madeus.executor.journal.events import RunHead
from madeus.executor.journal.living import LiveRow, VersionRow, live_text, version_rows, version_stamps
from madeus.executor.journal.snapshot import inventory_from_json, produced_from_text, system_from_json
from madeus.executor.journal.store import Journal
from madeus.executor.live.state import LiveState, Part, part_of, state_from_json
from madeus.model import Assembly, ComponentType, Program
from madeus.model.codec import NotAModel, read
from madeus.semantics import Agenda


@dataclass(slots=True)
class Followed:
    """A run, as far as its steps were read."""

    head: RunHead
    agenda: Agenda
    standing: Standing
    seen: int = 0
    last: int = 0
    """Steps that there are."""
    part: Part | None = None

    def follow(self, journal: Journal, writes: Sequence[str]) -> Part:
        """What it has made of the components that it may change. Raises NotAModel, JournalUnusable."""
        new = journal.steps(self.head.id, self.seen) if self.seen < self.last else []
        for record in new:
            try:
                self.agenda.take(record.step, produced_from_text(record.produced))
            except (ValueError, KeyError, IndexError) as error:
                raise NotAModel(f"step {record.seq}: {error}") from error
            self.standing.take(record.step, self.agenda.configuration)
            self.seen += 1
        if new or self.part is None:
            system = self.agenda.system
            instances = {**system.assembly.instance, **system.instances}
            self.part = part_of(writes, instances, self.agenda.configuration, self.standing.effects)
        return self.part


@dataclass(slots=True)
class Memory:
    """Of one live assembly; empty at first."""

    _row: tuple[tuple[float, int, str, str], LiveRow] | None = None
    _state: tuple[Any, LiveState] | None = None
    _hosts: tuple[Any, Inventory] | None = None
    _versions: tuple[VersionRow, ...] = ()
    _models: dict[tuple[int, float], tuple[Mapping[str, ComponentType], Mapping[str, Program]]] = field(
        default_factory=dict
    )
    _runs: dict[str, Followed] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def row(self, journal: Journal, name: str) -> LiveRow | None:
        """The live assembly. Raises JournalUnusable."""
        text = live_text(journal, name)
        if text is None:
            return None
        if self._row is None or self._row[0] != text:
            created, version, state, inventory = text
            known = self._row
            try:
                decoded = known[1].state if known and known[0][2] == state else json.loads(state)
                hosts = known[1].inventory if known and known[0][3] == inventory else json.loads(inventory)
            except ValueError as error:
                raise journal.damaged(str(error)) from error
            self._row = (text, LiveRow(name, created, version, decoded, hosts))
        return self._row[1]

    def state(self, row: LiveRow) -> LiveState:
        """What its row says of where it stands. Raises NotAModel."""
        if self._state is None or self._state[0] is not row.state:
            self._state = (row.state, state_from_json(row.state))
        return self._state[1]

    def hosts(self, row: LiveRow) -> Inventory:
        """The inventory that its row names. Raises NotAModel."""
        if self._hosts is None or self._hosts[0] is not row.inventory:
            self._hosts = (row.inventory, inventory_from_json(row.inventory))
        return self._hosts[1]

    def versions(self, journal: Journal, name: str) -> tuple[VersionRow, ...]:
        """The models that it has had. Raises JournalUnusable."""
        known = [(v.number, v.created) for v in self._versions]
        stamps = version_stamps(journal, name)
        if stamps[: len(known)] != known:
            self._versions, known = (), []
        if len(stamps) > len(known):
            self._versions += tuple(version_rows(journal, name, known[-1][0] if known else 0))
        return self._versions

    def model(self, version: VersionRow) -> tuple[Mapping[str, ComponentType], Mapping[str, Program]]:
        """Component types and programs of a model. Raises NotAModel."""
        key = (version.number, version.created)
        if key not in self._models:
            types = read(Assembly, version.model["assembly"]).types
            programs = {name: read(Program, coded) for name, coded in version.model["programs"].items()}
            self._models = {key: (types, programs)}
        return self._models[key]

    def run(self, journal: Journal, head: RunHead, effects: Effects, writes: Sequence[str]) -> tuple[RunHead, Part]:
        """A run with its snapshots, and what it has made of the assembly. effects: those that stood when it began.

        Raises NotAModel, JournalUnusable.
        """
        followed = self._runs.get(head.id)
        if followed is None:
            whole = journal.head(head.id)
            system = system_from_json(whole.program)
            followed = Followed(whole, Agenda(system, system.initial()), Standing(system, effects))
        followed.last = self._last.get(head.id, 0)
        self._runs.pop(head.id, None)  # one that turns out not to be readable is not kept halfway
        part = followed.follow(journal, writes)
        self._runs[head.id] = followed
        known = followed.head
        return replace(head, program=known.program, inventory=known.inventory, settings=known.settings), part

    def look(self, journal: Journal, runs: Sequence[str]) -> None:
        """See how far runs are, all at once."""
        self._last = journal.step_counts(runs)

    def forget(self, runs: Sequence[str]) -> None:
        """Keep no more of runs than of these."""
        kept = set(runs)
        self._runs = {run: followed for run, followed in self._runs.items() if run in kept}
