"""The syntax tree of a `.madeus` file: what was written, before any name means anything.

Nodes are immutable and compare by content: positions and comments are not part of equality, so two texts that differ in
layout alone give equal trees. Every node has a `span`; declarations keep the doc comment that precedes them in `doc`.

What could not be read stands in the tree as `Broken`, with the words of the faulty stretch, so that whoever looks up names
can keep silent about those (`declares`). A block whose head is faulty has `broken` set and its body all the same.

Values and formulas are written in `syntax_values`, statements and properties in `syntax_statements`; import all from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

from madeus.diagnostics import Span
from madeus.dsl.syntax_statements import (
    Add,
    Available,
    Boundaries,
    Confluent,
    Connect,
    Delete,
    Deployable,
    Disconnect,
    DurationBound,
    For,
    Forbidden,
    Goal,
    Host,
    Instance,
    Parallelism,
    Parametric,
    Property,
    Push,
    Reachable,
    Sequence,
    Statement,
    Terminates,
    Wait,
    WithFailures,
)
from madeus.dsl.syntax_values import (
    And,
    Argument,
    Atom,
    Boolean,
    Broken,
    Comparison,
    Duration,
    Entry,
    Expression,
    Formula,
    Index,
    InstanceReference,
    Interpolation,
    ListValue,
    MapValue,
    Name,
    Negative,
    Not,
    Number,
    Or,
    Percent,
    Product,
    Range,
    Reference,
    String,
    Sum,
    Value,
)

__all__ = [
    "Action",
    "Add",
    "And",
    "Argument",
    "Assembly",
    "Atom",
    "Available",
    "Base",
    "Behavior",
    "Boolean",
    "Boundaries",
    "Broken",
    "Comment",
    "Comparison",
    "Component",
    "Confluent",
    "Connect",
    "Declaration",
    "Delete",
    "Deployable",
    "Disconnect",
    "Duration",
    "DurationBound",
    "Durations",
    "Entry",
    "Expression",
    "For",
    "Forbidden",
    "Formula",
    "Goal",
    "Group",
    "Host",
    "Import",
    "Index",
    "Instance",
    "InstanceReference",
    "Interpolation",
    "Interval",
    "ListValue",
    "MapValue",
    "Member",
    "Module",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Number",
    "Option",
    "Or",
    "Parallelism",
    "Parameter",
    "Parametric",
    "Percent",
    "Places",
    "Probe",
    "Product",
    "Program",
    "Property",
    "Provide",
    "Push",
    "Range",
    "Reachable",
    "Reference",
    "Role",
    "RoleLine",
    "RoleVersion",
    "Rollout",
    "Secret",
    "Sequence",
    "Setting",
    "Statement",
    "String",
    "Sum",
    "Terminates",
    "Transition",
    "Use",
    "Value",
    "Verify",
    "Wait",
    "WithFailures",
    "children",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as written, for the formatter: `// ...`, `/* ... */` or `/// ...`."""

    text: str
    """With its signs, without the line end."""
    span: Span
    own_line: bool
    """Nothing but blanks before it on its first line."""
    lines_before: int
    """Line ends between it and the token or comment before it."""


# ---- actions ---------------------------------------------------------------------------------------------------------


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


# ---- components ------------------------------------------------------------------------------------------------------


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


# ---- other declarations ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Import:
    """`import "lib/docker.madeus"`."""

    path: String
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Durations:
    """`durations "measured.json"`."""

    path: String
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """`secret db_password`: named, never written."""

    name: Name
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Assembly:
    """`assembly lamp(n: int = 3) { ... }`."""

    name: Name
    parameters: tuple[Parameter, ...]
    statements: tuple[Statement, ...]
    """Instances, connections and loops; anything of a program in it is reported as a fault and left out."""
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """`program upgrade for site on_failure rollback { ... }`."""

    name: Name
    assembly: Name
    statements: tuple[Statement, ...]
    """Instructions and loops."""
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False
    rollback: bool = False
    """Whether `on_failure rollback` stands in its head."""


@dataclass(frozen=True, slots=True)
class Verify:
    """`verify site after install, upgrade and scale { ... }`."""

    assembly: Name
    after: tuple[tuple[Name, ...], ...]
    """Phases one after the other (`,`), each of programs side by side (`and`); empty without `after`."""
    properties: tuple[Property, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a rollout: a name, then values and options as in an action."""

    name: Name
    items: tuple[Value | Option, ...]
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """`rollout r of program upgrade over fleet { ... }`."""

    name: Name
    program: Name
    fleet: Name
    settings: tuple[Setting | Broken, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """`base debian12 from "debian12.tar"`."""

    name: Name
    source: String | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class RoleLine:
    """`persistent "/var/lib/mysql"`, `service "apache2"`, `policy "/etc/**" merge`."""

    word: str
    value: String
    how: Name | None
    """Of a policy."""
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class RoleVersion:
    """`version "2.0.54" from package m1 after "2.0.53"`, `version "2" after "1" { run "..." }`."""

    version: String
    origin: tuple[Name, Name] | String | None
    """The kind of the origin and its name: `package`, `m1`; or a directory or tar file."""
    after: String | None
    actions: tuple[Action | Probe | Broken, ...]
    """How its layer is made."""
    span: Span = field(compare=False)
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """`role webserver { base debian12  version "2.0.54" }`."""

    name: Name
    items: tuple[Base | RoleLine | RoleVersion | Broken, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False


Declaration: TypeAlias = Import | Durations | Secret | Component | Assembly | Program | Verify | Rollout | Role | Broken


@dataclass(frozen=True, slots=True)
class Module:
    """One file."""

    declarations: tuple[Declaration, ...]
    span: Span = field(compare=False)
    comments: tuple[Comment, ...] = field(compare=False, default=())
    """All comments in order, doc comments too."""


Node: TypeAlias = (
    Module
    | Declaration
    | Member
    | Statement
    | Property
    | Value
    | Expression
    | Formula
    | Action
    | Probe
    | Option
    | Parameter
    | Interval
    | Setting
    | Base
    | RoleLine
    | RoleVersion
    | Host
    | Index
    | Argument
    | Entry
    | Reference
    | InstanceReference
    | Comparison
)


_APART = frozenset({"span", "doc", "comments"})


def children(node: Node) -> Iterator[Node]:
    """The nodes right below one, in the order of the text."""
    for entry in fields(node):
        if entry.name in _APART:
            continue
        pending = [getattr(node, entry.name)]
        while pending:
            item = pending.pop()
            if isinstance(item, tuple):
                pending.extend(reversed(item))
            elif hasattr(item, "span"):
                yield item


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it, parents first, in the order of the text; never recursive."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(tuple(children(current))))
