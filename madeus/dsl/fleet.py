"""Rollouts and roles: settings read, chains of versions checked."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.diagnostics import Span
from madeus.dsl import names_errors, program_errors
from madeus.dsl import syntax as s
from madeus.dsl.scope import World
from madeus.dsl.values import Environment, evaluate
from madeus.fleet.settings import FORMS, Settings, WrongSetting, several, with_setting
from madeus.model import Rollout, Value


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
