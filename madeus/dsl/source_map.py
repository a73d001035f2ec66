"""Where the things of a model are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from madeus.diagnostics import Span


@dataclass(frozen=True)
class SourceMap:
    """Spans by qualified name.

    ``MariaDB`` is a type, ``MariaDB.start`` one of its transitions, places, ports, groups or behaviors (the first of these
    that has the name; ``transition MariaDB.start`` says which). ``lamp`` is an assembly, ``lamp/db`` an instance, and
    ``lamp/db.start`` an element of its type; ``lamp/connect web.db to db.sql`` a connection. ``program upgrade`` is a
    program, ``upgrade#3`` its instruction at index 3. ``verify lamp`` is a verify block (``verify site after upgrade`` one
    with programs) and ``verify lamp#2`` its second property, counted from 1. ``rollout r``, ``role r`` and ``secret s``
    speak for themselves. Where a type and an assembly share a name the type is found; ``assembly lamp`` is the other.
    """

    spans: Mapping[str, Span] = field(default_factory=dict)
    """Everything but the elements of instances."""
    types: Mapping[str, str] = field(default_factory=dict)
    """``lamp/db`` -> name of its type as written."""

    def get(self, name: str) -> Span | None:
        """The span of a qualified name, or None when nothing has it."""
        span = self.spans.get(name)
        if span is not None:
            return span
        owner, dot, element = name.rpartition(".")
        kind, blank, rest = owner.rpartition(" ")
        type_name = self.types.get(rest) if dot else None
        if type_name is None:
            return None
        return self.spans.get(f"{kind}{blank}{type_name}.{element}")

    def __getitem__(self, name: str) -> Span:
        span = self.get(name)
        if span is None:
            raise KeyError(name)
        return span

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None
