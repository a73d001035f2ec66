"""What the commands on fleets share: reading fleet files, choosing the reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from madeus.cli.failing import telling
from madeus.cli.loading import InputError
from madeus.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from madeus.fleet.fingerprint import Fingerprint, Fleet


def load_fleet(path: Path) -> Fleet:
    """Read a fleet file. Leaves with exit code 2 when it is none."""
    from madeus.executor.fingerprint.files import read_fleet

    with telling():
        return read_fleet(path)


def choose_reference(fleet: Fleet, name: str | None) -> Fingerprint:
    """The reference: a machine of the fleet, the only machine of a fleet file, FILE:MACHINE, or what most machines are.

    Raises InputError.
    """
    from madeus.fleet.fingerprint import most_common

    if name is None:
        if not fleet.machines:
            raise InputError("the fleet has no machines")
        return most_common(fleet.machines.values())
    if name in fleet.machines:
        return fleet.machines[name]
    file, colon, machine = name, "", ""
    if not Path(name).is_file():
        file, colon, machine = name.rpartition(":")
    if not Path(file).is_file():
        if name in fleet.unreachable:
            raise InputError(f"--reference {name}: it could not be looked at: {fleet.unreachable[name]}")
        near = nearest(name, fleet.machines)
        hint = f"did you mean {near}?" if near else "give a machine of the fleet, a fleet file, or FILE:MACHINE"
        raise InputError(f"--reference {name}: there is no such machine and no such file; {hint}")
    other = load_fleet(Path(file))
    if colon:
        return machine_of(other, machine)
    if len(other.machines) != 1:
        raise InputError(
            f"--reference {name}: the file has {len(other.machines)} machines; name one, as {name}:MACHINE"
        )
    return next(iter(other.machines.values()))


def machine_of(fleet: Fleet, name: str) -> Fingerprint:
    """A machine of a fleet. Raises InputError."""
    if name not in fleet.machines:
        near = nearest(name, fleet.machines)
        reason = f"; it could not be looked at: {fleet.unreachable[name]}" if name in fleet.unreachable else ""
        raise InputError(
            f"there is no machine {name} in the fleet{reason or (f'; did you mean {near}?' if near else '')}"
        )
    return fleet.machines[name]
