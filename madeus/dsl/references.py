"""Elements of instances in questions and formulas: transitions, services, places."""

from __future__ import annotations

from madeus.dsl import names_errors, program_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.population import Member
from madeus.dsl.report import Report
from madeus.dsl.scope import TypeInfo
from madeus.model import Active, Formula, Marked, PortKind


def types_of(members: list[Member]) -> list[TypeInfo] | None:
    """The types of some instances, each once; `None` when one of them is not known."""
    found: dict[str, TypeInfo] = {}
    for member in members:
        if member.info is None:
            return None
        found[member.info.name] = member.info
    return list(found.values())


def transition_of(members: list[Member], name: s.Name, report: Report) -> bool:
    """Whether every one of some instances has a transition of that name; the contrary is reported."""
    types = types_of(members)
    if types is None:
        return False
    sound = True
    for info in types:
        if name.text in info.transitions:
            continue
        sound = False
        if not info.may_declare(name.text, "transition"):
            known = info.transitions
            report.add(names_errors.unknown_transition(name.text, info.name, name.span, known, place=False))
    return sound


def available_port(members: list[Member], name: s.Name, report: Report) -> bool:
    """Whether every one of some instances provides a service of that name; the contrary is reported."""
    types = types_of(members)
    if types is None:
        return False
    sound = True
    for info in types:
        port = info.model.provide.get(name.text)
        if port is not None and port.kind is PortKind.SERVICE:
            continue
        sound = False
        if port is not None:
            report.add(types_errors.not_a_service(name.text, name.span, info.provides[name.text]))
        elif name.text in info.uses:
            what = "`available` asks about services that are provided"
            report.add(types_errors.wrong_direction(name.text, True, name.span, info.uses[name.text], False, what))
        elif not info.may_declare(name.text, "port"):
            services = [n for n, p in info.model.provide.items() if p.kind is PortKind.SERVICE]
            report.add(names_errors.unknown_port(name.text, info.name, name.span, services))
    return sound


def atom(members: list[Member], name: s.Name, report: Report) -> list[Formula] | None:
    """The place or the provide port of some instances; `None` when there is no such thing, which is reported."""
    types = types_of(members)
    if types is None:
        return None
    is_place: dict[str, bool] = {}
    for info in types:
        found = _place_or_port(info, name, report)
        if found is None:
            return None
        is_place[info.name] = found
    return [
        Marked(m.name, name.text) if m.info is not None and is_place[m.info.name] else Active(m.name, name.text)
        for m in members
    ]


def _place_or_port(info: TypeInfo, name: s.Name, report: Report) -> bool | None:
    place, port = info.places.get(name.text), info.provides.get(name.text)
    if place is not None and port is not None:
        bound = info.model.provide.get(name.text)
        if bound is not None and bound.kind is PortKind.SERVICE and bound.bound == (name.text,):
            return True
        report.add(program_errors.ambiguous_element(name.text, info.name, name.span, place, port))
        return None
    if place is not None or port is not None:
        return place is not None
    if name.text in info.uses:
        what = "a formula speaks of places and provide ports"
        report.add(types_errors.wrong_direction(name.text, True, name.span, info.uses[name.text], False, what))
    elif not (info.may_declare(name.text, "place") or info.may_declare(name.text, "port")):
        known = [*info.places, *info.provides]
        report.add(names_errors.unknown_element(name.text, info.name, name.span, known))
    return None
