"""Where a plan begins: an assembly and the configuration it rests in, as simulated or as it lives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from madeus.model import Assembly
from madeus.planner.start import check_rest, initial
from madeus.semantics import Configuration, Deadlock, System, simulate


class DoesNotEnd(ValueError):
    """The programs that a plan is to begin after do not come to their end."""

    def __init__(self, deadlock: Deadlock | None) -> None:
        super().__init__(str(deadlock or "it does not end"))


@dataclass(frozen=True)
class Beginning:
    """What is there before a plan."""

    assembly: Assembly
    """With the components and connections that there are."""
    configuration: Configuration
    """At rest."""
    version: int = 0
    """Of the model of the live assembly that this is; 0: nothing lives."""


def at_first(assembly: Assembly) -> Beginning:
    """Nothing has run."""
    return Beginning(assembly, initial(assembly))


def afterwards(system: System) -> Beginning:
    """A system has come to its end. Raises DoesNotEnd."""
    run = simulate(system)
    if run.deadlock is not None or run.truncated:
        raise DoesNotEnd(run.deadlock)
    now = run.configuration._replace(positions=(), failures=0)
    # Components that programs have added are not in the assembly, but the system knows how they were made.
    instances = tuple(instance for name, instance in system.instances.items() if name in now.components)
    return Beginning(replace(system.assembly, instances=instances, connections=now.connections()), now)


def living(assembly: Assembly, state: Path | None = None) -> Beginning | None:
    """The live assembly of that name in a state directory, under the model that a file has now; None: there is none.

    Raises:
        CannotChange: what lives does not fit the file's model.
        NotAtRest: a run on it has not finished.
        JournalUnusable: see there.
    """
    from madeus.executor.live.difference import adapted, compare
    from madeus.executor.live.errors import CannotChange, NoLiveAssembly
    from madeus.executor.live.read import read_one

    try:
        live = read_one(assembly.name, state)
    except NoLiveAssembly:
        return None
    difference = compare(live.state, live.types, assembly)
    if difference.problems:
        raise CannotChange(live.name, difference.problems)
    now = adapted(live.state, assembly)
    check_rest(now.configuration)
    return Beginning(now.assembly(live.name, assembly.types), now.configuration, live.row.version)
