"""What a session of a rollout is to do, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from madeus.executor.api import Origin
from madeus.executor.rollout.records import RolloutRecord, RolloutState
from madeus.fleet.settings import Settings
from madeus.fleet.slices import Sliced
from madeus.model import Assembly, Program


@dataclass(frozen=True)
class Order:
    """What is to be rolled out."""

    model: Assembly
    """As the file has it."""
    programs: Mapping[str, Program]
    origin: Origin
    sliced: Sliced
    settings: Settings
    undo: Mapping[str, tuple[str, ...]]
    """Components of each machine that behaviors take back, the last one first."""
    retry: bool = False
    """Try failed machines again although the upgrade is the same."""
    layered: frozenset[str] = frozenset()
    """Machines whose layers are taken back; one with neither way back is frozen when it fails."""
    in_layers: frozenset[str] = frozenset()
    """Machines whose instances live in layers."""
    digest: str = ""
    """Tells upgrades apart; empty: that of the model's text."""

    @property
    def upgrade(self) -> str:
        """What tells this upgrade from one that machines have failed with."""
        return self.digest or self.origin.digest

    def goes_back(self, machine: str) -> bool:
        """Whether there is a way back for a machine that fails."""
        return machine in self.layered or bool(self.undo.get(machine))


@dataclass(frozen=True)
class RolloutResult:
    """How a session of a rollout ended."""

    record: RolloutRecord
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 when every machine is upgraded, 130 after Ctrl-C, else 1."""
        if self.record.row.state is RolloutState.DONE:
            return 0
        return 130 if self.interrupted else 1
