"""Why a step is not enabled: one value for each reason, with what has to change.

``watches`` names the parts of the configuration that a change must come from, so that nobody has to poll: pairs of a
component and an aspect of it (``("port", p)``, ``("use", u)``, ``("idle", "")``, ``("exists", "")``, ``("links", port)``).
``position`` is where the search for reasons stopped; a later search starts there, which keeps the total work of a hub with
n users at O(n).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Watch = tuple[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Gone:
    """The token that the step needs is not there (any more); nothing to wait for from outside the component."""

    detail: str

    def __str__(self) -> str:
        return self.detail


class Unserved(StrEnum):
    """What is wrong with a provide port."""

    INACTIVE = "is not active"
    REFUSING = "refuses new users, its component is about to take it off"
    NO_VALUE = "has no value yet"


@dataclass(frozen=True, slots=True)
class PortWait:
    """A use port is not served by a provide port."""

    component: str
    use: str
    provider: str
    provide: str
    reason: Unserved
    position: int = 0
    others: tuple[tuple[str, str], ...] = ()
    """Further provide ports, each of which would serve as well (multiplicity ``any``)."""
    index: int = 0
    """Place of the use port among those that were searched."""

    @property
    def watches(self) -> tuple[Watch, ...]:
        own = ((self.component, ("links", self.use)), (self.provider, ("port", self.provide)))
        return own + tuple((provider, ("port", provide)) for provider, provide in self.others)

    @property
    def waits_for(self) -> str:
        return self.provider

    def __str__(self) -> str:
        return f"use port {self.component}.{self.use} waits for {self.provider}.{self.provide}, which {self.reason}"


@dataclass(frozen=True, slots=True)
class Unconnected:
    """A use port that is not optional has no connection."""

    component: str
    use: str
    position: int = 0
    index: int = 0
    """Place of the use port among those that were searched."""

    @property
    def watches(self) -> tuple[Watch, ...]:
        return ((self.component, ("links", self.use)),)

    @property
    def waits_for(self) -> str:
        return ""

    def __str__(self) -> str:
        return f"use port {self.component}.{self.use} is connected to nothing"


@dataclass(frozen=True, slots=True)
class InUse:
    """A provide port cannot go off, or a connection cannot go, while a use port is in use."""

    provider: str
    provide: str
    user: str
    use: str
    position: int = 0
    others: tuple[tuple[str, str], ...] = ()
    """Provide ports that could serve the use port instead (multiplicity ``any``)."""

    @property
    def watches(self) -> tuple[Watch, ...]:
        own: tuple[Watch, ...] = ((self.user, ("use", self.use)),)
        return own + tuple((provider, ("port", provide)) for provider, provide in self.others)

    @property
    def waits_for(self) -> str:
        return self.user

    def __str__(self) -> str:
        return f"{self.provider}.{self.provide} is in use by {self.user}.{self.use}"


@dataclass(frozen=True, slots=True)
class Busy:
    """An instruction waits until a component is idle, or until one push has finished."""

    component: str
    behavior: str
    position: int = 0

    @property
    def watches(self) -> tuple[Watch, ...]:
        return ((self.component, ("idle", "")),)

    @property
    def waits_for(self) -> str:
        return self.component

    def __str__(self) -> str:
        return f"waits for {self.component}, which still executes {self.behavior}"


@dataclass(frozen=True, slots=True)
class Linked:
    """A component cannot be deleted while one of its ports is connected."""

    component: str
    port: str
    position: int = 0

    @property
    def watches(self) -> tuple[Watch, ...]:
        return ((self.component, ("links", self.port)),)

    @property
    def waits_for(self) -> str:
        return self.component

    def __str__(self) -> str:
        return f"port {self.component}.{self.port} is still connected"


@dataclass(frozen=True, slots=True)
class Invalid:
    """An instruction makes no sense in this configuration; another program may still change that."""

    component: str
    detail: str
    aspect: tuple[str, str] = ("exists", "")
    position: int = 0

    @property
    def watches(self) -> tuple[Watch, ...]:
        return ((self.component, self.aspect),)

    @property
    def waits_for(self) -> str:
        return self.component

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True)
class StageWait:
    """A program's stage has not begun: a program of the one before is not done."""

    program: str
    position: int = 0

    @property
    def watches(self) -> tuple[Watch, ...]:
        return (("", ("program", self.program)),)

    @property
    def waits_for(self) -> str:
        return ""

    def __str__(self) -> str:
        return f"waits for program {self.program} to end"


Wait = PortWait | Unconnected | InUse | Busy | Linked | Invalid | StageWait
Blocker = Gone | Wait
