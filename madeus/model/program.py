"""Programs: sequences of instructions that reconfigure a running assembly (C20, MAU)."""

from __future__ import annotations

from dataclasses import dataclass, field

from madeus.model.assembly import Connection, Instance


@dataclass(frozen=True, slots=True)
class Add:
    """``add c: T(...) on h``: make a component, its initial places marked."""

    instance: Instance

    def __str__(self) -> str:
        return f"add {self.instance.name}: {self.instance.type}"


@dataclass(frozen=True, slots=True)
class Delete:
    """``delete c``: take a component away; waits until it is idle and unconnected."""

    component: str

    def __str__(self) -> str:
        return f"delete {self.component}"


@dataclass(frozen=True, slots=True)
class Connect:
    """``connect a.u to b.p``."""

    connection: Connection

    def __str__(self) -> str:
        return f"connect {self.connection}"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """``disconnect a.u from b.p``; waits until the use port is not in use."""

    connection: Connection

    def __str__(self) -> str:
        c = self.connection
        return f"disconnect {c.user}.{c.use} from {c.provider}.{c.provide}"


@dataclass(frozen=True, slots=True)
class Push:
    """``push c.b as label``: append a behavior to the component's queue."""

    component: str
    behavior: str
    label: str = ""
    """Name that a later ``wait`` may use for this very push."""
    recovery: str = ""
    """Behavior of the same or another component, qualified, that is pushed when this push fails."""

    def __str__(self) -> str:
        named = f" as {self.label}" if self.label else ""
        return f"push {self.component}.{self.behavior}{named}"


@dataclass(frozen=True, slots=True)
class WaitComponent:
    """``wait c``: until the component is idle."""

    component: str

    def __str__(self) -> str:
        return f"wait {self.component}"


@dataclass(frozen=True, slots=True)
class WaitPush:
    """``wait label``: until that push has finished."""

    label: str

    def __str__(self) -> str:
        return f"wait {self.label}"


@dataclass(frozen=True, slots=True)
class WaitAll:
    """``wait all``: until every component is idle."""

    def __str__(self) -> str:
        return "wait all"


Instruction = Add | Delete | Connect | Disconnect | Push | WaitComponent | WaitPush | WaitAll


@dataclass(frozen=True, slots=True)
class Program:
    """A sequential reconfiguration of an assembly."""

    name: str
    assembly: str
    instructions: tuple[Instruction, ...] = ()
    doc: str = field(default="", compare=False)
    rollback: bool = False
    """Whether everything goes back to the configuration before it when one of its transitions fails (``on_failure
    rollback``)."""
