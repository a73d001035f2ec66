"""What can go wrong with rollouts, beside the errors of live assemblies and runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from madeus.executor.errors import InputError, WorldError
from madeus.executor.journal.errors import Holder


class UnknownRollout(InputError, LookupError):
    """There is no rollout of that name."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(f"no rollout `{name}` in {path}", "`madeus rollout run FILE ROLLOUT` begins one")
        self.name = name


class RolloutUnfinished(InputError):
    """An earlier rollout of the assembly has not come to its end."""

    def __init__(self, id: str, state: str, driven: bool = False) -> None:
        """driven: a living process drives it."""
        way_out = (
            "wait for its end (`madeus rollout status`)" if driven else f"go on with it: madeus rollout resume {id}"
        )
        super().__init__(f"rollout {id} is {state}", f"{way_out}; or give it up: madeus rollout abort {id}")
        self.id = id


class RolloutHalfway(WorldError):
    """A rollout of the assembly is not over: what is done beside it runs past its stages."""

    def __init__(self, id: str, assembly: str, state: str, driver: Holder | None = None) -> None:
        """driver: the living process that drives it."""
        driven = f", driven by {driver}" if driver else ""
        on = f"go on with it: madeus rollout resume {id}; "
        if driver:
            on = f"wait for its end; stop it for a while: madeus rollout freeze {id}; "
        super().__init__(
            f"rollout {id} of {assembly} is {state}{driven}; what is done beside it runs past its stages",
            f"how it stands: madeus rollout status {id}; {on}give it up: madeus rollout abort {id}; or say --anyway",
        )
        self.id = id


class MachinesHalfway(InputError):
    """An earlier rollout of the assembly was aborted with machines in the middle of their upgrade."""

    def __init__(self, id: str, machines: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(machines)}: in the middle of rollout {id}, which was aborted",
            f"go on with it: madeus rollout resume {id}; with another upgrade (--file FILE) they are taken back first",
        )
        self.id, self.machines = id, tuple(machines)


class NotResumableRollout(InputError):
    """There is nothing to go on with."""

    def __init__(self, id: str, reason: str) -> None:
        super().__init__(f"rollout {id} cannot be gone on with: {reason}")
        self.id = id


class RolloutHeld(WorldError):
    """Another process drives it."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(
            f"the rollout is driven by {holder}", "wait for its end, or say madeus rollout freeze, or abort"
        )
        self.holder = holder


class RolloutTakenOver(WorldError):
    """Another process drives it now; this one has stopped."""

    def __init__(self, id: str) -> None:
        super().__init__(f"rollout {id} is driven by another process now")


class MissingScipy(InputError):
    """A metric gate needs it."""

    def __init__(self) -> None:
        super().__init__("`test metric` needs scipy", "pip install 'madeus[rollout]'")
