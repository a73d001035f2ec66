"""What programs touch: components that they may change, and those that must not change meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from madeus.model import (
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Program,
    Push,
    WaitAll,
    WaitComponent,
)


class Claims(NamedTuple):
    """Components that a run touches."""

    writes: frozenset[str]
    """Those that it pushes to, adds, deletes, connects or disconnects."""
    reads: frozenset[str]
    """Others that they are connected to, or that it waits for."""

    def disputed(self, other: Claims) -> frozenset[str]:
        """Components that two runs cannot both have."""
        return (self.writes & (other.writes | other.reads)) | (other.writes & (self.writes | self.reads))


def claims(stages: Sequence[Sequence[Program]], instances: Iterable[str], connections: Iterable[Connection]) -> Claims:
    """What programs touch of an assembly with these instances and connections.

    A ``wait all``, and the beginning of a second stage, look at every component.
    """
    writes: set[str] = set()
    reads: set[str] = set()
    links = list(connections)
    for instruction in (i for stage in stages for program in stage for i in program.instructions):
        match instruction:
            case Add(instance):
                writes.add(instance.name)
            case Delete(component):
                writes.add(component)
            case Push(component, recovery=recovery):
                writes.update((component, recovery.rpartition(".")[0]) if recovery else (component,))
            case Connect(connection) | Disconnect(connection):
                writes.update((connection.user, connection.provider))
                links.append(connection)
            case WaitComponent(component):
                reads.add(component)
            case WaitAll():
                reads.update(instances)
            case _:
                pass
    if len(stages) > 1:
        reads.update(instances)
    for c in links:
        if c.user in writes or c.provider in writes:
            reads.update((c.user, c.provider))
    return Claims(frozenset(writes), frozenset(reads - writes))
