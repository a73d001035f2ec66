"""What can go wrong with live assemblies, beside `madeus.executor.journal.errors`.

::

    InputError
    ├── NoLiveAssembly          none of that name
    ├── DeployedAlready         one of that name lives already
    ├── LivesAlready            the same, said to a run that would go on beside it
    └── CannotChange            the file's model does not fit what lives, with every reason
    WorldError
    ├── ComponentsHeld          a run that is on has some of the components
    └── ChangedMeanwhile        another run has changed them since they were looked at
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from madeus.executor.errors import InputError, WorldError
from madeus.executor.journal.errors import Holder
from madeus.executor.journal.events import RunState


class NoLiveAssembly(InputError, LookupError):
    """There is no live assembly of that name; `known` are those there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        there = f"there is {', '.join(known)}" if known else "`madeus deploy FILE` makes one"
        super().__init__(f"no live assembly is called `{name}`", there)
        self.name, self.known = name, known


class DeployedAlready(InputError):
    """An assembly of that name lives."""

    def __init__(
        self, name: str, file: str, since: float, run: str = "", holder: Holder | None = None, deploying: bool = False
    ) -> None:
        """file, since: of the model that it has, and when it was deployed. run: one on it that has not finished, empty: none;
        holder: the living controller that drives that run; deploying: the run is the one that deploys it.
        """
        ways = f"`madeus reconfigure FILE PROGRAM` changes it, `madeus destroy {name}` takes it away"
        said = f"{name} is deployed already{_origin(file, since)}"
        if holder is not None:
            wait = f"wait for its end (`madeus status {run}`), or stop it (`kill -INT {holder.pid}`)"
            if deploying:
                said, ways = f"{name} is being deployed by {holder}", wait
            else:
                ways = f"its run {run} is driven by {holder}: {wait}; {ways}"
        elif run:
            ways = f"its run {run} has not finished: `madeus run --resume {run}` goes on with it; {ways}"
        super().__init__(said, ways)
        self.name, self.run, self.holder = name, run, holder


class LivesAlready(InputError):
    """A run beside a live assembly of that name would do things that nobody remembers."""

    def __init__(self, name: str, file: str, since: float) -> None:
        """file, since: of the model that it has, and when it was deployed."""
        super().__init__(
            f"{name} is deployed and lives{_origin(file, since)}: what a run does beside it is not known to it",
            f"`madeus reconfigure FILE PROGRAM` changes it, `madeus destroy {name}` forgets it, --anyway runs all the same",
        )
        self.name = name


class CannotChange(InputError):
    """A live assembly that cannot go on with the model of a file."""

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join((f"{name} cannot go on with this model:", *(f"  {p}" for p in problems))))
        self.name, self.problems = name, problems


class ComponentsHeld(WorldError):
    """A run that has not finished has components that another one would touch."""

    def __init__(self, name: str, components: Collection[str], run: str, status: str, holder: Holder | None) -> None:
        who = ", ".join(sorted(components)) or "the model"
        several = len(components) > 1
        if holder is not None:
            reason = f"{who} of {name} {'are' if several else 'is'} held by {holder}"
            way = f"wait for its end (`madeus status {run}`), or stop it (`kill -INT {holder.pid}`)"
        else:
            reason = f"{who} of {name} belong{'' if several else 's'} to run {run}, which is {status} and not finished"
            # A stuck one is stuck again when it is resumed.
            on = "" if status == RunState.STUCK else f"go on with it (`madeus run --resume {run}`), or "
            way = f"{on}give it up with --take-over: what it was in the middle of goes back to where it began"
        super().__init__(reason, way)
        self.name, self.components, self.run, self.holder = name, frozenset(components), run, holder


class ChangedMeanwhile(WorldError):
    """The assembly is not what it was when the programs were looked at."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has been changed by another run since it was looked at",
            "do it again when the runs of others are over: `madeus ps` shows them",
        )
        self.name = name


def _origin(file: str, since: float) -> str:
    when = datetime.fromtimestamp(since).strftime("%Y-%m-%d %H:%M:%S")
    return f"{f', from {file}' if file else ''}, since {when}"
