"""Why an operation on layers is refused; nothing was done.

::

    Refused
    ├── Unknown           a machine, role, version, state or layer that is not there
    ├── NameTaken
    ├── BadName           of a role or a version
    ├── NotSpare          assign to a machine that has a role
    ├── StillSpare        upgrade, re-provision or compact a machine without a role
    ├── NotInChain        a version that does not come after the machine's one
    ├── NotMade           a layer whose contents have still to be made
    ├── ChainDiffers      a definition that changes versions which exist
    ├── StillReferred     what some state, machine, role or version needs; names it
    ├── NothingToDo
    └── Masked            files of the machine hide files of the new version, and nobody has decided what to do
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SHOWN = 12
_LONGEST_SHOWN = 40


class Refused(ValueError):
    """Root of the tree: `message` is why, `help` the way out."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help


class Unknown(Refused):
    """Nothing is called that. known: what there is. of: what it would belong to."""

    def __init__(self, what: str, name: str, known: Iterable[str], way_out: str = "", of: str = "") -> None:
        from madeus.diagnostics.suggest import nearest  # only when something is wrong

        names = list(known)
        near = nearest(name, names)
        there = f"there is: {', '.join(names[:_SHOWN])}" if names else f"there is no {what} yet"
        missing = f"{of} has no {what} {name}" if of else f"there is no {what} {name}"
        super().__init__(missing, f"did you mean {near}?" if near else way_out or there)
        self.what, self.name, self.known = what, name, tuple(names)


class NameTaken(Refused):
    """Something is called that already."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"there is a {what} {name} already")
        self.what, self.name = what, name


class BadName(Refused):
    """A role or a version cannot be called that."""

    def __init__(self, what: str, name: str, rule: str) -> None:
        shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
        super().__init__(f"{shown!r} is no name of a {what}", rule)
        self.what, self.name = what, name


class NotSpare(Refused):
    """The machine has a role."""

    def __init__(self, machine: str, role: str, version: str) -> None:
        super().__init__(
            f"{machine} is {role} {version}, not spare",
            f"`madeus role upgrade {machine}` keeps what it has changed, `madeus role reprovision ROLE {machine}` does not",
        )
        self.machine, self.role, self.version = machine, role, version


class StillSpare(Refused):
    """The machine has no role."""

    def __init__(self, machine: str) -> None:
        super().__init__(f"{machine} is spare: it has no role yet", f"`madeus role assign ROLE {machine}` gives it one")
        self.machine = machine


class NotInChain(Refused):
    """A version that does not follow the machine's one."""

    def __init__(self, machine: str, version: str, role: str, target: str, reason: str, help: str) -> None:
        super().__init__(f"{machine} is {role} {version}: {target} {reason}", help)
        self.machine, self.version, self.role, self.target = machine, version, role, target


class NotMade(Refused):
    """No machine holds the layer."""

    def __init__(self, layer: str, what: str) -> None:
        super().__init__(f"the layer of {what} has not been made yet", "`madeus role make` makes it on a machine")
        self.layer, self.what = layer, what


class ChainDiffers(Refused):
    """A role defined anew with other versions than it has."""

    def __init__(self, role: str, known: Sequence[str], given: Sequence[str]) -> None:
        super().__init__(
            f"role {role} has the versions {' < '.join(known)}, the definition says {' < '.join(given) or 'none'}",
            "versions can be added at the end only; `madeus role delete` takes away those that nobody refers to",
        )
        self.role, self.known, self.given = role, tuple(known), tuple(given)


class StillReferred(Refused):
    """Something needs it. by: what does, states as ``web1@3``."""

    def __init__(self, what: str, by: Sequence[str], help: str = "") -> None:
        more = f" and {len(by) - _SHOWN} more" if len(by) > _SHOWN else ""
        super().__init__(f"{what} is needed by {', '.join(by[:_SHOWN])}{more}", help)
        self.what, self.by = what, tuple(by)


class NothingToDo(Refused):
    """The operation would change nothing."""


class Masked(Refused):
    """Undecided masks of a switch. paths: of the files."""

    def __init__(self, machine: str, version: str, paths: Sequence[str]) -> None:
        more = [f"  ... and {len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
        super().__init__(
            "\n".join([f"files that {machine} has changed would hide those of {version}:", *_lines(paths), *more]),
            'decide with --keep, --take or --merge GLOB, or in the role: policy "GLOB" keep|take|merge; `madeus conflicts` '
            "shows them",
        )
        self.machine, self.version, self.paths = machine, version, tuple(paths)


def _lines(paths: Sequence[str]) -> list[str]:
    return [f"  {path}" for path in paths[:_SHOWN]]
