"""Syntax nodes of component types: places, ports, transitions with their actions, behaviors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from madeus.diagnostics import Span
from madeus.dsl.syntax_values import Broken, Duration, Expression, Name, Value


@dataclass(frozen=True, slots=True)
class Option:
    """`timeout 5min`, or a flag: `started`."""

    name: Name
    value: Value | None
    """`None` for a flag."""
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Action:
    """`run "..." timeout 5min -> ip`: a name of the open registry, its values and options, and what it captures."""

    name: Name
    items: tuple[Value | Option, ...]
    """Values and options in the order written."""
    captures: tuple[Name, ...]
    """Data provide ports that receive the output."""
    span: Span = field(compare=False)
    doc: str | None = None

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(item for item in self.items if not isinstance(item, Option))

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(item for item in self.items if isinstance(item, Option))


@dataclass(frozen=True, slots=True)
class Probe:
    """`probe run "..."`: an action that only looks."""

    action: Action
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """`version: string = "10.11"` of a component or an assembly."""

    name: Name
    type: Name
    default: Expression | None
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """`initial place a` or `place b, c`; a body holds probes and holds for each of the places."""

    initial: bool
    names: tuple[Name, ...]
    body: tuple[Probe | Action | Broken, ...]
    """An action without `probe` in it is a fault that the resolver reports."""
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """`group serving = running, draining`."""

    name: Name
    places: tuple[Name, ...]
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Provide:
    """`provide data ip: address at provisioned` or `provide service sql at checked`."""

    kind: Literal["data", "service"]
    name: Name
    type: Name | None
    at: tuple[Name, ...]
    """Places or groups."""
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """`use service db any optional for start` or `use service dep during serving`."""

    kind: Literal["data", "service"]
    name: Name
    type: Name | None
    multiplicity: Literal["one", "any", "all"]
    optional: bool
    binding: Literal["for", "during"]
    """`for` transitions, `during` places or groups."""
    targets: tuple[Name, ...]
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """`2s..10s`, `5s` (both bounds), `5s..` (no upper bound)."""

    low: Duration
    high: Duration | None
    """`None` for no upper bound; equal to `low` where one duration is written."""
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Transition:
    """`transition start: off -> on in deploy station fresh takes 1s..2s idempotent { ... }`."""

    name: Name
    source: Name
    target: Name
    behaviors: tuple[Name, ...]
    """Those named by `in`; the enclosing behavior block adds one."""
    stations: tuple[Name, ...]
    takes: Interval | None
    idempotent: bool
    actions: tuple[Action | Probe | Broken, ...]
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Behavior:
    """`behavior install { transition ... }`; without a block it only declares the name."""

    name: Name
    transitions: tuple[Transition | Broken, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False


Member: TypeAlias = Places | Group | Provide | Use | Transition | Behavior | Broken


@dataclass(frozen=True, slots=True)
class Component:
    """`component MariaDB(version: string) { ... }`."""

    name: Name
    """With an empty text where the head is broken before the name."""
    parameters: tuple[Parameter, ...]
    members: tuple[Member, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False
    """The head could not be read: parameters may be missing."""
