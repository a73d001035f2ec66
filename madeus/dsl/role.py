"""Roles: their chain of versions checked, what makes each version lowered."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from madeus.diagnostics import Span, nearest
from madeus.dsl import names_errors, program_errors, role_errors
from madeus.dsl import syntax as s
from madeus.dsl.actions import BUILT_IN, ActionScope, installed, lower_action
from madeus.dsl.scope import World
from madeus.model import Action, FilePolicy, Role, RoleVersion

_HOSTS_OWN = ("proc", "sys", "dev", "run", "tmp")
"""Directories that every stack has from its host."""

_POLICIES = ("keep", "take", "merge", "ask")
_LINGERING = ("restart", "end", "leave")


def lower_role(written: s.Role, world: World) -> Role:
    """A role with its versions in order; they have to form one line from a single first one."""
    report = world.report
    name = written.name.text
    broken = written.broken or any(isinstance(item, s.Broken) for item in written.items)
    bases = [item for item in written.items if isinstance(item, s.Base)]
    versions = [item for item in written.items if isinstance(item, s.RoleVersion)]
    if len(bases) != 1 and not broken:
        span = bases[1].name.span if len(bases) > 1 else written.name.span
        report.add(program_errors.wrong_base(name, len(bases), span))
    known: dict[str, Span] = {}
    for version in versions:
        text, span = version.version.value, version.version.span
        if text in known:
            report.add(names_errors.duplicate_key("the version", text, span, known[text]))
        known.setdefault(text, span)
    lowered = tuple(_version(version, world) for version in versions)
    if not broken:
        _check_chain(versions, name, known, world)
    source = bases[0].source.value if bases and bases[0].source is not None else ""
    return Role(
        name,
        bases[0].name.text if bases else "",
        lowered,
        source,
        _lines(written, "persistent", world),
        _lines(written, "service", world),
        _policies(written, world),
        _lingering(written, world),
    )


def _version(written: s.RoleVersion, world: World) -> RoleVersion:
    package = source = ""
    origin = written.origin
    if isinstance(origin, s.String):
        source = origin.value
    elif origin is not None:
        package = origin[1].text
        if origin[0].text != "package":
            world.report.add(program_errors.wrong_origin(origin[0].text, origin[0].span))
    name = written.version.value
    if origin is not None and written.actions:
        world.report.add(role_errors.made_twice(name, written.actions[0].span, written.version.span))
    scope = ActionScope(
        world.report,
        f'version "{name}"',
        {},
        frozenset(),
        {},
        frozenset(),
        {},  # a layer stays on the disks of hosts: it is no place for secrets
        tuple(part for part in written.actions if isinstance(part, s.Broken)),
    )
    actions: list[Action] = []
    for part in written.actions:
        if isinstance(part, s.Probe):
            world.report.add(role_errors.probe_in_version(name, part.span))
        elif isinstance(part, s.Action):
            actions.append(lower_action(part, scope))
            kind = part.name.text
            if kind not in BUILT_IN and kind not in installed() and nearest(kind, BUILT_IN) is None:
                world.report.add(role_errors.unknown_action(kind, name, part.name.span, BUILT_IN))
            if part.captures:
                world.report.add(role_errors.captured_in_version(name, part.captures[0].span))
    after = written.after.value if written.after is not None else ""
    return RoleVersion(name, after, package, source, tuple(actions))


def _lines(written: s.Role, word: str, world: World) -> tuple[str, ...]:
    found: dict[str, Span] = {}
    for item in written.items:
        if not isinstance(item, s.RoleLine) or item.word != word:
            continue
        text, span = item.value.value, item.value.span
        if word == "persistent" and not _may_persist(text):
            world.report.add(role_errors.cannot_persist(text, span))
            continue
        if word == "persistent":
            text = posixpath.normpath(text)
        if text in found:
            world.report.add(names_errors.named_twice(f"the {word}", text, span, found[text]))
            continue
        found[text] = span
    return tuple(found)


def _may_persist(path: str) -> bool:
    parts = [part for part in path.split("/") if part]
    return path.startswith("/") and bool(parts) and ".." not in parts and parts[0] not in _HOSTS_OWN


def _policies(written: s.Role, world: World) -> tuple[FilePolicy, ...]:
    found: dict[str, FilePolicy] = {}
    spans: dict[str, Span] = {}
    for item in written.items:
        if not isinstance(item, s.RoleLine) or item.how is None:
            continue
        glob, how = item.value.value, item.how.text
        if how not in _POLICIES:
            world.report.add(role_errors.unknown_policy(how, item.how.span, _POLICIES))
        elif not glob.startswith(("/", "**/")):
            world.report.add(role_errors.wrong_glob(glob, item.value.span))
        elif glob in found:
            world.report.add(names_errors.named_twice("the policy of", glob, item.value.span, spans[glob]))
        else:
            found[glob], spans[glob] = FilePolicy(glob, how), item.value.span
    return tuple(found.values())


def _lingering(written: s.Role, world: World) -> str:
    found = [item for item in written.items if isinstance(item, s.Lingering)]
    for item in found:
        if item.how.text not in _LINGERING:
            world.report.add(role_errors.unknown_lingering(item.how.text, item.how.span, _LINGERING))
    for again in found[1:]:
        world.report.add(names_errors.named_twice("the line", "lingering", again.span, found[0].span))
    return found[0].how.text if found else _LINGERING[0]


def _check_chain(versions: Sequence[s.RoleVersion], role: str, known: dict[str, Span], world: World) -> None:
    following: dict[str, Span] = {}
    first: Span | None = None
    for version in versions:
        text, span = version.version.value, version.version.span
        if known[text] != span:
            continue
        if version.after is None:
            if first is not None:
                world.report.add(program_errors.broken_chain(text, role, span, first, "is a second first one"))
            first = first or span
            continue
        before = version.after.value
        if before not in known:
            world.report.add(names_errors.unknown_version(before, role, version.after.span, known))
        elif before in following:
            reason = f'comes after "{before}" as another one does'
            world.report.add(program_errors.broken_chain(text, role, version.after.span, following[before], reason))
        else:
            following[before] = version.after.span
    after = {v.version.value: v.after.value for v in versions if v.after is not None}
    for version in versions:
        text, span = version.version.value, version.version.span
        seen = {text}
        earlier = after.get(text)
        while earlier is not None and earlier not in seen:
            seen.add(earlier)
            earlier = after.get(earlier)
        if earlier == text:
            world.report.add(program_errors.broken_chain(text, role, span, span, "comes after itself"))
            return
