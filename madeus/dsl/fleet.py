"""Rollouts and roles: settings read, chains of versions checked."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.diagnostics import Span
from madeus.dsl import names_errors, program_errors
from madeus.dsl import syntax as s
from madeus.dsl.report import Report
from madeus.dsl.scope import World
from madeus.dsl.values import Environment, evaluate
from madeus.fleet.settings import FORMS, Settings, WrongSetting, several, with_setting
from madeus.model import Role, RoleVersion, Rollout, Value


def lower_rollout(written: s.Rollout, world: World, visible: int) -> Rollout:
    """A rollout with its program looked up and its settings read; everything wrong is reported."""
    report = world.report
    program = written.program
    if world.programs.get(program.text, visible) is None and not world.may_declare(
        program.text, visible, world.programs.nameless
    ):
        report.add(names_errors.unknown_program(program.text, program.span, world.programs.known(visible)))
    env = Environment(report, secrets=world.secret_spans(visible), secrets_used=world.secrets_used)
    settings: list[tuple[str, tuple[Value, ...]]] = []
    seen: dict[tuple[Value, ...], Span] = {}
    for setting in written.settings:
        if isinstance(setting, s.Broken):
            continue
        name, span = setting.name.text, setting.name.span
        words = _words(setting.items, env)
        if name not in FORMS:
            report.add(names_errors.unknown_setting(name, span, FORMS))
            continue
        key = (name,) if words is None else several(name, words)
        if key in seen:
            report.add(names_errors.duplicate_key("the setting", name, span, seen[key]))
            continue
        seen[key] = span
        if words is None:
            continue
        try:
            with_setting(Settings(), name, words)
        except WrongSetting as error:
            report.add(program_errors.wrong_setting(name, error.form, setting.span))
            continue
        settings.append((name, tuple(words)))
    if {"protocol", "stages"} <= {name for name, _ in settings}:
        report.add(program_errors.two_protocols(seen[("protocol",)], seen[("stages",)]))
    return Rollout(written.name.text, program.text, written.fleet.text, tuple(settings))


def _words(items: Sequence[s.Value | s.Option], env: Environment) -> list[Value] | None:
    words: list[Value] = []
    for item in items:
        if isinstance(item, s.Option):
            words.append(item.name.text)
            if item.value is None:
                continue
        value = evaluate(item.value if isinstance(item, s.Option) and item.value is not None else item, env)  # type: ignore[arg-type]
        if value is None:
            return None
        words.append(value)
    return words


def lower_role(written: s.Role, report: Report) -> Role:
    """A role with its versions in order; they have to form one line from a single first one."""
    name = written.name.text
    broken = written.broken or any(isinstance(v, s.Broken) for v in written.versions)
    versions = [v for v in written.versions if isinstance(v, s.RoleVersion)]
    if len(written.bases) != 1 and not broken:
        span = written.bases[1].span if len(written.bases) > 1 else written.name.span
        report.add(program_errors.wrong_base(name, len(written.bases), span))
    known: dict[str, Span] = {}
    for version in versions:
        text, span = version.version.value, version.version.span
        if text in known:
            report.add(names_errors.duplicate_key("the version", text, span, known[text]))
        known.setdefault(text, span)
        if version.origin is not None and version.origin[0].text != "package":
            report.add(program_errors.wrong_origin(version.origin[0].text, version.origin[0].span))
    if not broken:
        _check_chain(versions, name, known, report)
    return Role(
        name,
        written.bases[0].text if written.bases else "",
        tuple(
            RoleVersion(
                version.version.value,
                version.after.value if version.after is not None else "",
                version.origin[1].text if version.origin is not None else "",
            )
            for version in versions
        ),
    )


def _check_chain(versions: Sequence[s.RoleVersion], role: str, known: dict[str, Span], report: Report) -> None:
    following: dict[str, Span] = {}
    first: Span | None = None
    for version in versions:
        text, span = version.version.value, version.version.span
        if known[text] != span:
            continue
        if version.after is None:
            if first is not None:
                report.add(program_errors.broken_chain(text, role, span, first, "is a second first one"))
            first = first or span
            continue
        before = version.after.value
        if before not in known:
            report.add(names_errors.unknown_version(before, role, version.after.span, known))
        elif before in following:
            reason = f'comes after "{before}" as another one does'
            report.add(program_errors.broken_chain(text, role, version.after.span, following[before], reason))
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
            report.add(program_errors.broken_chain(text, role, span, span, "comes after itself"))
            return
