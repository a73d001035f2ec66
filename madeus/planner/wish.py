"""Goals as text: ``web.running and db.version = 11 and once db.update and without old``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from madeus.dsl.parameters import parse_text
from madeus.model import Assembly, ComponentType, Instance, PortKind, Value
from madeus.planner.target import Target

_PARTS = re.compile(r"\s+and\s+|\s*,\s*")
_ATOM = re.compile(r"(?P<name>[A-Za-z_][\w-]*(?:\[\d+\])?)\.(?P<element>[A-Za-z_][\w-]*)\Z")
_ARGUMENT = re.compile(r"(?P<name>[A-Za-z_][\w-]*(?:\[\d+\])?)\.(?P<element>[A-Za-z_][\w-]*)\s*=\s*(?P<value>.+)\Z")


class WishError(ValueError):
    """A goal that says nothing about the assembly. part: what was written; reason: a sentence."""

    def __init__(self, part: str, reason: str, known: tuple[str, ...] = (), word: str = "") -> None:
        super().__init__(part, reason)
        self.part = part
        self.reason = reason
        self.known = known
        """Names that could have stood there."""
        self.word = word
        """The name that is not among them."""

    def __str__(self) -> str:
        return f"`{self.part}`: {self.reason}"


def parse_wish(text: str, assembly: Assembly, towards: Assembly | None = None) -> Target:
    """The target that a goal stands for.

    Parts are joined by ``and``: ``c.place`` (marked at the end), ``c.service`` (active at the end), ``c.parameter = value`` (c
    is replaced where it differs), ``once c.behavior`` (executed on the way), ``without c`` (c is deleted). A name without its
    index stands for all replicas. assembly: as it is now. towards: that of the components and connections there shall be.
    Raises WishError.
    """
    wanted = {i.name: i for i in (assembly if towards is None else towards).instances}
    types = {**assembly.types, **(towards.types if towards is not None else {})}
    places: dict[str, set[str]] = {}
    once: dict[str, set[str]] = {}
    serving: dict[str, set[str]] = {}
    changed = towards is not None
    parts = [part.strip() for part in _PARTS.split(text.strip())] if text.strip() else []
    for part in parts:
        if part.startswith("without "):
            for name in _members(part, part.removeprefix("without ").strip(), wanted):
                del wanted[name]
            changed = True
        elif match := _ARGUMENT.match(part):
            for name in _members(part, match["name"], wanted):
                wanted[name] = _with_argument(part, wanted[name], types, match["element"], match["value"].strip())
            changed = True
        elif match := _ATOM.match(part.removeprefix("once ").strip()):
            for name in _members(part, match["name"], wanted):
                kind = types[wanted[name].type]
                found = (part.startswith("once "), match["element"])
                if found[0]:
                    _known(part, found[1], kind.behaviors, f"behavior of {name}")
                    once.setdefault(name, set()).add(found[1])
                elif found[1] in kind.place:
                    places.setdefault(name, set()).add(found[1])
                else:
                    _known(part, found[1], _services(kind), f"place or service of {name}", tuple(kind.place))
                    serving.setdefault(name, set()).add(found[1])
        else:
            raise WishError(
                part, "a goal is c.place, c.service, c.parameter = value, once c.behavior or without c, joined by and"
            )
    connections = None
    if towards is not None:
        connections = frozenset(c for c in towards.connections if c.user in wanted and c.provider in wanted)
    return Target(
        {name: frozenset(found) for name, found in places.items()},
        {name: frozenset(found) for name, found in once.items()},
        {name: frozenset(found) for name, found in serving.items()},
        wanted if changed else None,
        connections,
    )


def _services(kind: ComponentType) -> tuple[str, ...]:
    return tuple(port.name for port in kind.provides if port.kind is PortKind.SERVICE)


def _members(part: str, name: str, wanted: Mapping[str, Instance]) -> list[str]:
    if name in wanted:
        return [name]
    replicas = [other for other in wanted if other.startswith(f"{name}[")]
    if not replicas:
        _known(part, name, wanted, "component")
    return replicas


def _known(part: str, word: str, known: Iterable[str], what: str, more: tuple[str, ...] = ()) -> None:
    names = (*known, *more)
    if word not in names:
        raise WishError(part, f"there is no {what} called {word}", names, word)


def _with_argument(part: str, instance: Instance, types: Mapping[str, ComponentType], name: str, text: str) -> Instance:
    kind = types[instance.type]
    parameters = {p.name: p for p in kind.parameters}
    _known(part, name, parameters, f"parameter of {instance.name}")
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    value: Value | None = parse_text(text[1:-1] if quoted else text, parameters[name].type)
    if value is None:
        raise WishError(part, f"{text} is no {parameters[name].type} value")
    arguments = tuple((key, value if key == name else old) for key, old in instance.arguments)
    return replace(instance, arguments=arguments)
