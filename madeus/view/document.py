"""Trace files: a trace with what is needed to draw it, as one JSON value.

``{"trace": ..., "assembly": ..., "programs": [...], "begin": {...}, "details": {...}, "banner": ...}``; all but ``trace`` may
be missing, and a bare trace, as ``Trace.to_json`` makes it, is read too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from madeus.model import Assembly, ComponentType, Program, codec
from madeus.semantics.configuration import Configuration
from madeus.semantics.step import StepKind
from madeus.semantics.trace import Trace
from madeus.view.page import Banner
from madeus.view.timeline import ActionDetail, Detail, Details


@dataclass(frozen=True)
class Document:
    """Everything a trace can be shown with."""

    trace: Trace
    assembly: Assembly | None = None
    """None: only a timeline can be drawn."""
    programs: tuple[Program, ...] = ()
    details: Details | None = None
    banner: Banner | None = None
    begin: Configuration | None = None
    """Where the trace begins, when that is in the middle of the assembly's life."""


def document(
    trace: Trace,
    assembly: Assembly | None = None,
    programs: Sequence[Program] = (),
    details: Details | None = None,
    banner: Banner | None = None,
    begin: Configuration | None = None,
) -> dict[str, Any]:
    """The JSON value of a trace and what it is shown with; ``read_document`` reads its text."""
    from madeus.executor.journal.snapshot import configuration_to_json

    value: dict[str, Any] = {"trace": trace.to_json()}
    if assembly is not None:
        value["assembly"] = codec.to_json(assembly)
    if programs:
        value["programs"] = [codec.to_json(program) for program in programs]
    if begin is not None:
        value["begin"] = configuration_to_json(begin)
    if details:
        value["details"] = {str(fired): _detail_to_json(detail) for fired, detail in details.items()}
    if banner is not None:
        value["banner"] = {"title": banner.title, "lines": list(banner.lines), "note": banner.note}
    return value


def read_document(text: str) -> Document:
    """The document that a text stands for. Raises ValueError, with a sentence, for any other text."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("it is not a trace: it has to be a JSON object")
    if "trace" not in value:
        return Document(_checked(Trace.from_json(value)))
    try:
        trace = _checked(Trace.from_json(value["trace"]))
        assembly = _assembly(value["assembly"]) if value.get("assembly") else None
        programs = tuple(codec.read(Program, p) for p in value.get("programs") or ())
        details = {int(key): _detail_from_json(d) for key, d in (value.get("details") or {}).items()}
        begin = _begin(value.get("begin"), assembly)
        return Document(trace, assembly, programs, details, _banner(value.get("banner")), begin)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a trace: {error}") from error


def _checked(trace: Trace) -> Trace:
    """Causes lead back to the start and time does not run backwards, or ValueError."""
    clock = 0.0
    for index, event in enumerate(trace.events):
        if not -1 <= event.cause < index:
            raise ValueError(f"event {index} is caused by event {event.cause}, which does not come before it")
        if not isfinite(event.time) or event.time < clock:
            raise ValueError(f"event {index} at {event.time} s is out of order")
        if not isinstance(event.step.component, str) or not isinstance(event.step.element, str):
            raise ValueError(f"event {index} has a name that is not text")
        if event.step.kind is StepKind.PROGRAM and not isinstance(event.step.position, int):
            raise ValueError(f"event {index} has a position that is not a number")
        clock = event.time
    return trace


def _assembly(value: Any) -> Assembly:
    """An assembly whose names all stand for something, or ValueError (or TypeError for fields of other kinds)."""
    assembly = codec.read(Assembly, value)
    for kind in assembly.types.values():
        _check_names(kind)
    for instance in assembly.instances:
        if instance.type not in assembly.types:
            raise ValueError(f"{instance.name} is of type {instance.type}, which is not there")
    for c in assembly.connections:
        if c.use not in assembly.type_of(c.user).use or c.provide not in assembly.type_of(c.provider).provide:
            raise ValueError(f"there are no ports for the connection {c}")
    return assembly


def _check_names(kind: ComponentType) -> None:
    named = [end for t in kind.transitions for end in (t.source, t.destination)]
    named += [place for group in kind.groups for place in group.places]
    unknown = [name for name in named if name not in kind.place]
    bound = [name for p in kind.provides for name in p.bound] + [name for u in kind.uses for name in u.holders]
    unknown += [name for name in bound if name not in kind.group_places]
    unknown += [name for u in kind.uses for name in u.transitions if name not in kind.transition]
    if unknown:
        raise ValueError(f"{kind.name} has no {unknown[0]!r}")


def _begin(value: Any, assembly: Assembly | None) -> Configuration | None:
    """Where the trace begins; components, tokens and ports are those of the assembly, or ValueError."""
    if value is None or assembly is None:
        return None
    from madeus.executor.journal.snapshot import configuration_from_json

    conf = configuration_from_json(value)
    for name, s in conf.components.items():
        kind = assembly.types.get(s.type)
        if name not in assembly.instance or kind is None or s.type != assembly.instance[name].type:
            raise ValueError(f"{name}, which the trace begins with, is not in the assembly")
        tokens = s.output_docks | s.running | s.failed | s.input_docks
        unknown = sorted((s.places - set(kind.place)) | (tokens - set(kind.transition)))
        if unknown:
            raise ValueError(f"{kind.name} has no {unknown[0]!r}, where {name} begins")
    if conf.connections() != tuple(sorted(assembly.connections)):
        raise ValueError("the trace begins with other connections than the assembly has")
    return conf


def _banner(value: Mapping[str, Any] | None) -> Banner | None:
    if not value:
        return None
    return Banner(str(value["title"]), tuple(str(line) for line in value["lines"]), bool(value.get("note")))


def _detail_to_json(detail: Detail) -> dict[str, Any]:
    actions = [
        {
            "description": a.description,
            "exit_code": a.exit_code,
            "stdout": a.stdout,
            "stderr": a.stderr,
            "seconds": a.seconds,
            "attempt": a.attempt,
            "error": a.error,
        }
        for a in detail.actions
    ]
    return {"host": detail.host, "actions": actions}


def _detail_from_json(value: Mapping[str, Any]) -> Detail:
    return Detail(str(value["host"]), tuple(_action_from_json(a) for a in value["actions"]))


def _action_from_json(value: Mapping[str, Any]) -> ActionDetail:
    exit_code = value["exit_code"]
    seconds = float(value["seconds"])
    if not isfinite(seconds):
        raise ValueError("an action takes a finite number of seconds")
    return ActionDetail(
        str(value["description"]),
        None if exit_code is None else int(exit_code),
        str(value["stdout"]),
        str(value["stderr"]),
        seconds,
        int(value["attempt"]),
        str(value.get("error", "")),
    )
