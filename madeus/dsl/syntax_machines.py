"""Syntax nodes of what concerns machines and fleets: roles with their versions, rollouts."""

from __future__ import annotations

from dataclasses import dataclass, field

from madeus.diagnostics import Span
from madeus.dsl.syntax_components import Action, Option, Probe
from madeus.dsl.syntax_values import Broken, Name, String, Value


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
class Lingering:
    """`lingering end`."""

    how: Name
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
    items: tuple[Base | RoleLine | Lingering | RoleVersion | Broken, ...]
    span: Span = field(compare=False)
    doc: str | None = None
    broken: bool = False
