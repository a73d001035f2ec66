"""Statements of assemblies and programs, and the properties of verify blocks. Import them from `madeus.dsl.syntax`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from madeus.diagnostics import Span
from madeus.dsl.syntax_values import (
    Argument,
    Broken,
    Comparison,
    Expression,
    Formula,
    Index,
    InstanceReference,
    Name,
    Range,
    Reference,
)


@dataclass(frozen=True, slots=True)
class Host:
    """`on db1`, `on web[1..3]`, `on web[i]`, `on "node-1.example.org"`."""

    name: Name
    """The text without quotes where a string is written."""
    index: Index | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """`web[1..3]: Apache(workers = 8) on app in layer`."""

    name: Name
    index: Index | None
    """The replicas it makes, or the one it is in a loop."""
    type: Name
    arguments: tuple[Argument, ...]
    host: Host | None
    span: Span = field(compare=False)
    doc: str | None = None
    layered: bool = False
    """Whether `in layer` stands behind the host."""


@dataclass(frozen=True, slots=True)
class Connect:
    """`connect web.db to db.sql`."""

    use: Reference
    provide: Reference
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class For:
    """`for i in 1..n { ... }`."""

    variable: Name
    range: Range
    statements: tuple[Statement, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False
    """The head could not be read: the variable may have an empty text and the range be `1..1`."""


@dataclass(frozen=True, slots=True)
class Add:
    """`add c: T(args) on h`."""

    instance: Instance
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete c`."""

    instance: InstanceReference
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """`disconnect web.db from db.sql`."""

    use: Reference
    provide: Reference
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """`push c.update as step on_failure push c.rollback`."""

    behavior: Reference
    label: Name | None
    on_failure: Reference | None
    """The behavior pushed when this one fails."""
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """`wait c`, `wait label` or `wait all`."""

    target: InstanceReference | None
    """`None` for all; a label looks like an instance without an index."""
    span: Span = field(compare=False)
    doc: str | None = None


Statement: TypeAlias = Instance | Connect | For | Add | Delete | Disconnect | Push | Wait | Broken


# ---- properties ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Goal:
    """`goal up = db.checked and web.checked`."""

    name: Name
    formula: Formula
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Deployable:
    """`deployable up`, with `always` (AF, also when nothing is written), `possible` (EF) or `recoverable` (AG EF)."""

    goal: Name
    mode: Literal["always", "possible", "recoverable"]
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Reachable:
    """`reachable up` (EF)."""

    goal: Name
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """`sequence db.start, web.check`."""

    steps: tuple[Reference, ...]
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Parallelism:
    """`parallelism >= 3 of a, b`; without a bound a question whose answer is printed."""

    bound: Comparison | None
    of: tuple[InstanceReference, ...]
    """Empty for the whole assembly."""
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class DurationBound:
    """`duration up <= 3min`."""

    goal: Name
    bound: Comparison
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Boundaries:
    """`boundaries up`."""

    goal: Name
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Forbidden:
    """`forbidden web.started and db.waiting`."""

    formula: Formula
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Available:
    """`available server.web` (never off) or `available server.web off <= 20s`."""

    port: Reference
    off: Comparison | None
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Terminates:
    """`terminates`."""

    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Confluent:
    """`confluent`."""

    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Parametric:
    """`parametric db.start for up <= 3min`."""

    transition: Reference
    goal: Name
    bound: Comparison
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class WithFailures:
    """`with failures 1 { ... }`."""

    count: Expression
    properties: tuple[Property, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False


Property: TypeAlias = (
    Goal
    | Deployable
    | Reachable
    | Sequence
    | Parallelism
    | DurationBound
    | Boundaries
    | Forbidden
    | Available
    | Terminates
    | Confluent
    | Parametric
    | WithFailures
    | Broken
)
