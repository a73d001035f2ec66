"""A file to a model: the phases in their order, each of which reports all that it finds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from madeus.diagnostics import Diagnostic, in_order, nearest
from madeus.dsl import names_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.assembly import AssemblyInfo, check_connected, check_parameters, lower_assembly
from madeus.dsl.component import lower_component
from madeus.dsl.durations import Tables, apply_durations
from madeus.dsl.fleet import lower_rollout
from madeus.dsl.program import ProgramInfo, lower_programs
from madeus.dsl.report import Report
from madeus.dsl.role import lower_role
from madeus.dsl.scope import Declared, Table, World
from madeus.dsl.source_map import SourceMap
from madeus.dsl.sources import Sources, collect
from madeus.dsl.spans import SpanCollector
from madeus.dsl.verify import VerifyInfo, lower_verify
from madeus.dsl.waits import check_waits
from madeus.model import Model, Role, Rollout

_NAME = re.compile(r"\s+[A-Za-z_]")


@dataclass(frozen=True)
class Loaded:
    """What a file and its imports say."""

    model: Model | None
    """None when there is an error."""
    source_map: SourceMap
    diagnostics: tuple[Diagnostic, ...]
    """Errors and warnings of all files, by file and position."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Text of every file that was read, by the name that spans use; the first is the one that was loaded."""

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings may be there."""
        return self.model is not None


def load(source: Path | str, *, text: str | None = None, settings: Mapping[str, str] | None = None) -> Loaded:
    """Read a `.madeus` file with everything it imports, look up all names, check it and make its model.

    source: path of the file; with a text, the name that messages give it and the place its imports are looked up from.
    settings: values for parameters of assemblies, as text: ``{"lamp.n": "5"}``, or ``{"n": "5"}`` for every assembly that
    has such a parameter. Never raises for anything the user wrote.
    """
    report = Report()
    sources = collect(source, text, report)
    if sources is None:
        return Loaded(None, SourceMap(), in_order(report.found))
    loading = _Loading(sources, report, settings or {})
    model, source_map = loading.run()
    return Loaded(None if report.failed else model, source_map, in_order(report.found), loading.files)


class _Loading:
    """One load."""

    def __init__(self, sources: Sources, report: Report, settings: Mapping[str, str]) -> None:
        self.sources = sources
        self.report = report
        self.settings = settings
        self.world = World(report, incomplete=sources.incomplete, faulty=sources.faulty)
        self.assemblies: dict[str, AssemblyInfo] = {}
        self.programs: dict[str, ProgramInfo] = {}
        self.verifications: list[VerifyInfo] = []
        self.rollouts: dict[str, Rollout] = {}
        self.roles: dict[str, Role] = {}
        self.files = sources.texts

    def run(self) -> tuple[Model, SourceMap]:
        self._declare()
        self._types()
        self._assemblies()
        self._programs()
        self._rest()
        types = {name: info.model for name, info in self.world.type_infos.items()}
        assemblies = {name: info.model(types) for name, info in self.assemblies.items()}
        programs = {name: info.model for name, info in self.programs.items()}
        tables = Tables(types, assemblies, programs)
        self._durations(tables)
        self._unused()
        model = Model(
            tables.types,
            tables.assemblies,
            tables.programs,
            tuple(info.model for info in self.verifications),
            self.rollouts,
            self.roles,
            tuple(self.world.secrets.entries),
        )
        return model, self._source_map()

    # ---- declarations

    def _declare(self) -> None:
        tables: dict[type, Table[Declared]] = {
            s.Component: cast("Table[Declared]", self.world.types),
            s.Assembly: cast("Table[Declared]", self.world.assemblies),
            s.Program: cast("Table[Declared]", self.world.programs),
            s.Secret: cast("Table[Declared]", self.world.secrets),
            s.Rollout: cast("Table[Declared]", self.world.rollouts),
            s.Role: cast("Table[Declared]", self.world.roles),
        }
        for number, source in reversed(list(enumerate(self.sources.files))):
            for declaration in source.module.declarations:
                if isinstance(declaration, s.Broken):
                    self.world.broken.append((declaration, number))
                    for table in tables.values():
                        if table.what.endswith(declaration.kind) and not self._named(declaration, number):
                            table.nameless |= 1 << number
                    continue
                found = tables.get(type(declaration))
                if found is not None:
                    self._enter(found, cast(Declared, declaration), number)

    def _named(self, broken: s.Broken, number: int) -> bool:
        """Whether a name stands right behind the keyword of a declaration that could not be read."""
        text = self.sources.files[number].parsed.source.text
        return _NAME.match(text, broken.span.start + len(broken.kind)) is not None

    def _enter(self, table: Table[Declared], declaration: Declared, number: int) -> None:
        name, span = declaration.name.text, declaration.name.span
        if not name:
            table.nameless |= 1 << number
            return
        entry = table.entries.get(name)
        if entry is None:
            table.entries[name] = (declaration, number)
            return
        first = entry[0].name.span
        if entry[1] == number:
            self.report.add(names_errors.duplicate_declaration(f"the {table.what}", name, span, first))
        else:
            self.report.add(names_errors.import_clash(f"the {table.what}", name, span, first))

    def _types(self) -> None:
        for name, (declaration, number) in self.world.types.entries.items():
            self.world.type_infos[name] = lower_component(declaration, self.world, self.sources.visible[number])
        self._shadowed()

    def _shadowed(self) -> None:
        """Second components of a name, and those without a name: their insides are checked all the same."""
        for number, source in enumerate(self.sources.files):
            for declaration in source.module.declarations:
                if isinstance(declaration, s.Component):
                    entry = self.world.types.entries.get(declaration.name.text)
                    if entry is None or entry[0] is not declaration:
                        lower_component(declaration, self.world, self.sources.visible[number])

    def _assemblies(self) -> None:
        overrides = self._overrides()
        for name, (declaration, number) in self.world.assemblies.entries.items():
            self.assemblies[name] = lower_assembly(
                declaration, self.world, self.sources.visible[number], overrides.get(name, {})
            )

    def _overrides(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Settings by assembly and parameter; those that fit none are reported."""
        overrides: dict[str, dict[str, tuple[str, str]]] = {}
        declared = {
            name: [parameter.name.text for parameter in declaration.parameters]
            for name, (declaration, _) in self.world.assemblies.entries.items()
        }
        for key in sorted(self.settings, key=lambda k: "." in k):
            assembly, dot, parameter = key.rpartition(".")
            found = False
            for name, parameters in declared.items():
                if parameter in parameters and (not dot or assembly == name):
                    overrides.setdefault(name, {})[parameter] = (key, self.settings[key])
                    found = True
            if not found:
                whole = [f"{name}.{p}" for name, names in declared.items() for p in names]
                known = whole if dot else [p for names in declared.values() for p in names]
                self.report.each(types_errors.unknown_override(key, nearest(key, known), whole))
        return overrides

    def _programs(self) -> None:
        self.programs = lower_programs(self.world, self.sources.visible, self.assemblies)
        for info in self.assemblies.values():
            check_connected(info, self.report)
            if not info.programs:
                check_waits(info, self.report)

    def _rest(self) -> None:
        root: list[VerifyInfo] = []
        for number, source in enumerate(self.sources.files):
            visible = self.sources.visible[number]
            for declaration in source.module.declarations:
                if isinstance(declaration, s.Verify):
                    info = lower_verify(declaration, self.world, visible, self.assemblies, self.programs)
                    if info is not None and number == 0:
                        root.append(info)
        self.verifications = root
        for name, (rollout, number) in self.world.rollouts.entries.items():
            self.rollouts[name] = lower_rollout(rollout, self.world, self.sources.visible[number])
        for name, (role, _) in self.world.roles.entries.items():
            self.roles[name] = lower_role(role, self.world)

    def _durations(self, tables: Tables) -> None:
        failed = self.report.failed
        for source in reversed(self.sources.files):
            for declaration in source.module.declarations:
                if isinstance(declaration, s.Durations):
                    apply_durations(declaration, source, tables, self.report, self.files, names_known=not failed)

    def _unused(self) -> None:
        world = self.world
        if world.faulty:
            return
        for info in self.assemblies.values():
            check_parameters(info, self.report)
        if world.opaque or self.sources.incomplete:
            return
        for name, (secret, _) in world.secrets.entries.items():
            if name not in world.secrets_used:
                self.report.add(names_errors.unused_secret(name, secret.name.span))

    def _source_map(self) -> SourceMap:
        collector = SpanCollector()
        for info in self.world.type_infos.values():
            collector.type(info)
        for assembly in self.assemblies.values():
            collector.assembly(assembly)
        for program in self.programs.values():
            collector.program(program.model.name, program.declaration.name.span, program.spans)
        for verification in self.verifications:
            collector.verify(verification.model.title, verification.span, verification.spans)
        for what, table in (
            ("rollout", self.world.rollouts),
            ("role", self.world.roles),
            ("secret", self.world.secrets),
        ):
            for name, (declaration, _) in cast("Table[Declared]", table).entries.items():
                collector.named(f"{what} {name}", declaration.name.span)
        return collector.done()
