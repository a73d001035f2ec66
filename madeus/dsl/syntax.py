"""The syntax tree of a `.madeus` file: what was written, before any name means anything.

Nodes are immutable and compare by content: positions and comments are not part of equality, so two texts that differ in
layout alone give equal trees. Every node has a `span`; declarations keep the doc comment that precedes them in `doc`.

What could not be read stands in the tree as `Broken`, with the words of the faulty stretch, so that whoever looks up names
can keep silent about those (`declares`). A block whose head is faulty has `broken` set and its body all the same.

Values and formulas are written in `syntax_values`, statements and properties in `syntax_statements`, component types in
`syntax_components`, roles and rollouts in `syntax_machines`; import all from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from madeus.diagnostics import Span
from madeus.dsl.syntax_components import (
    Action,
    Behavior,
    Component,
    Group,
    Interval,
    Member,
    Option,
    Parameter,
    Places,
    Probe,
    Provide,
    Transition,
    Use,
)
from madeus.dsl.syntax_machines import (
    Base,
    Lingering,
    Role,
    RoleLine,
    RoleVersion,
    Rollout,
    Setting,
)
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
    "Lingering",
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
    | Lingering
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
