"""Makes the source map while the model is made."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.diagnostics import Span
from madeus.dsl.assembly import AssemblyInfo
from madeus.dsl.scope import TypeInfo
from madeus.dsl.source_map import SourceMap


class SpanCollector:
    """Collects spans by qualified name; the first one of a name stays."""

    def __init__(self) -> None:
        self._spans: dict[str, Span] = {}
        self._types: dict[str, str] = {}

    def named(self, name: str, span: Span) -> None:
        """A thing by its whole name."""
        self._spans.setdefault(name, span)

    def type(self, info: TypeInfo) -> None:
        """A component type and its elements."""
        spans, name = self._spans, info.name
        span = info.declaration.name.span
        spans.setdefault(name, span)
        spans[f"type {name}"] = span
        tables = (
            ("transition", info.transitions),
            ("place", info.places),
            ("port", info.provides),
            ("port", info.uses),
            ("group", info.groups),
            ("behavior", info.behaviors),
            ("parameter", {parameter: p.span for parameter, p in info.parameters.items()}),
        )
        for what, table in tables:
            for element, at in table.items():
                spans.setdefault(f"{name}.{element}", at)
                spans[f"{what} {name}.{element}"] = at

    def assembly(self, info: AssemblyInfo) -> None:
        """An assembly, its instances, those that programs add, and its connections."""
        name, span = info.name, info.declaration.name.span
        self._spans.setdefault(name, span)
        self._spans[f"assembly {name}"] = span
        for member in (*info.population.members.values(), *info.added.values()):
            full = f"{name}/{member.name}"
            self._spans.setdefault(full, member.span)
            self._types.setdefault(full, member.instance.type)
        for connection, at in info.wiring.made.items():
            self._spans[f"{name}/connect {connection}"] = at

    def program(self, name: str, span: Span, instructions: Sequence[Span]) -> None:
        """A program and its instructions, loops written out."""
        self._spans[f"program {name}"] = span
        for index, at in enumerate(instructions):
            self._spans[f"{name}#{index}"] = at

    def verify(self, title: str, span: Span, properties: Sequence[Span]) -> None:
        """A verify block and its properties; a second block of the same title counts on."""
        key = f"verify {title}"
        self._spans.setdefault(key, span)
        first = next(n for n in range(1, len(self._spans) + 2) if f"{key}#{n}" not in self._spans)
        for number, at in enumerate(properties, first):
            self._spans[f"{key}#{number}"] = at

    def done(self) -> SourceMap:
        """The finished map."""
        return SourceMap(self._spans, self._types)
