"""What is known of each declaration while names are looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from madeus.diagnostics import Span
from madeus.dsl import syntax as s
from madeus.dsl.parameters import ParameterInfo
from madeus.dsl.report import Report
from madeus.model import ComponentType

_BEGINNINGS = {
    "place": ("initial", "place", "group"),
    "transition": ("transition", "behavior"),
    "behavior": ("behavior",),
    "port": ("use", "provide"),
}
_WORDS = "initial place group transition behavior use provide data service at for during in station takes"
_KEYWORDS = frozenset(_WORDS.split())


@dataclass(slots=True)
class TypeInfo:
    """A component type: its names with their places in the text, and its model."""

    name: str
    declaration: s.Component
    broken: tuple[s.Broken, ...] = ()
    parameters: dict[str, ParameterInfo] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    groups: dict[str, Span] = field(default_factory=dict)
    transitions: dict[str, Span] = field(default_factory=dict)
    behaviors: dict[str, Span] = field(default_factory=dict)
    provides: dict[str, Span] = field(default_factory=dict)
    uses: dict[str, Span] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Ports and transitions that exist and have a fault, about which nothing more is said."""
    model: ComponentType = field(default_factory=lambda: ComponentType("", ()))
    sound: bool = True
    """Whether every place and transition was understood, so that the structure may be judged."""
    idle_markings: frozenset[frozenset[str]] | None = None
    """Sets of places that may be marked between behaviors; `None`: not known."""

    @property
    def open_head(self) -> bool:
        """Whether parameters may be missing here."""
        return self.declaration.broken

    def may_declare(self, name: str, what: str = "") -> bool:
        """Whether a faulty stretch of the component may have declared the name.

        what: place, transition, behavior or port: a stretch that began like one of these and has no name may be any of them.
        """
        beginnings = _BEGINNINGS.get(what, ())
        return not name or any(
            part.declares(name) or (part.kind in beginnings and part.words <= _KEYWORDS) for part in self.broken
        )


class Declared(Protocol):
    """A declaration of the top level, with a name."""

    @property
    def name(self) -> s.Name: ...


D = TypeVar("D", bound=Declared)


@dataclass(slots=True)
class Table(Generic[D]):
    """Declarations of one kind by name, from all files."""

    what: str
    """Such as ``assembly``, the keyword too."""
    entries: dict[str, tuple[D, int]] = field(default_factory=dict)
    """Declaration and number of its file."""

    nameless: int = 0
    """Files (bits) with such a declaration whose name could not be read."""

    def get(self, name: str, visible: int) -> D | None:
        """The declaration, when it is in one of the visible files (a set of bits)."""
        entry = self.entries.get(name)
        return entry[0] if entry is not None and visible >> entry[1] & 1 else None

    def known(self, visible: int) -> Iterable[str]:
        """Names that may be used where these files are visible."""
        return (name for name, (_, index) in self.entries.items() if visible >> index & 1)


@dataclass(slots=True)
class World:
    """Every declaration of all files."""

    report: Report
    types: Table[s.Component] = field(default_factory=lambda: Table("component"))
    assemblies: Table[s.Assembly] = field(default_factory=lambda: Table("assembly"))
    programs: Table[s.Program] = field(default_factory=lambda: Table("program"))
    secrets: Table[s.Secret] = field(default_factory=lambda: Table("secret"))
    rollouts: Table[s.Rollout] = field(default_factory=lambda: Table("rollout"))
    roles: Table[s.Role] = field(default_factory=lambda: Table("role"))
    broken: list[tuple[s.Broken, int]] = field(default_factory=list)
    """What could not be read at the top level, with the number of its file."""
    incomplete: int = 0
    """Files (bits) some import of which could not be read: anything may have been declared there."""
    faulty: int = 0
    """Files (bits) with faults in their syntax: what they read is not all known."""
    type_infos: dict[str, TypeInfo] = field(default_factory=dict)
    secrets_used: set[str] = field(default_factory=set)
    opaque: bool = False
    """Some action reads names from a file of its own, so that nothing is sure to be unused."""

    def may_declare(self, name: str, visible: int, nameless: int) -> bool:
        """Whether something that could not be read may have declared the name; nameless: `Table.nameless` of its kind."""
        if not name or (self.incomplete | nameless) & visible:
            return True
        return any(visible >> index & 1 and part.declares(name) for part, index in self.broken)

    def secret_spans(self, visible: int) -> Mapping[str, Span]:
        """Secrets by name."""
        return {name: d.name.span for name, (d, index) in self.secrets.entries.items() if visible >> index & 1}
