"""Sentences about names: unknown, declared twice, never used."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from madeus.diagnostics import Diagnostic, Edit, Fix, Span, error, nearest, warning

_SHOWN = 8
_MANY = 400
"""Of more names than this only the alphabetical neighbours are compared: a file may have thousands of misspelt ones."""
_NEIGHBOURS = 50


def did_you_mean(name: str, span: Span, known: Iterable[str]) -> tuple[str | None, Fix | None]:
    """Help and fix for a misspelt name: the nearest known one, else what there is to choose from."""
    words = sorted(set(known))
    near = nearest(name, words if len(words) <= _MANY else _neighbours(name, words))
    if near is not None:
        return f"did you mean `{near}`?", Fix(f"write `{near}`", (Edit(span, near),))
    if not words:
        return None, None
    listed = ", ".join(f"`{word}`" for word in words[:_SHOWN])
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return f"known here: {listed}{more}", None


def _neighbours(name: str, words: list[str]) -> list[str]:
    at = bisect_left(words, name)
    return words[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]


def _unknown(code: str, message: str, name: str, span: Span, known: Iterable[str], otherwise: str = "") -> Diagnostic:
    help_, fix = did_you_mean(name, span, known)
    return error(code, message, span, help=help_ or otherwise or None, fix=fix)


def unknown_type(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD050",
        f"there is no component type `{name}`",
        name,
        span,
        known,
        f"declare `component {name} {{ ... }}` or import the file that does",
    )


def unknown_place(
    name: str, owner: str, span: Span, known: Iterable[str], groups: bool, transition: bool
) -> Diagnostic:
    what = "place or group" if groups else "place"
    message = f"`{owner}` has no {what} `{name}`"
    if transition:
        return error("MAD051", message, span, help=f"`{name}` is a transition: bind the port to it with `for {name}`")
    return _unknown("MAD051", message, name, span, known, f"declare `place {name}`")


def place_is_group(name: str, owner: str, span: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD051",
        f"`{name}` of `{owner}` is a group, and a single place is meant here",
        span,
        related=((declared, "the group"),),
        help="name one of the group's places",
    )


def unknown_transition(name: str, owner: str, span: Span, known: Iterable[str], place: bool) -> Diagnostic:
    message = f"`{owner}` has no transition `{name}`"
    if place:
        return error("MAD052", message, span, help=f"`{name}` is a place: bind the port to it with `during {name}`")
    return _unknown("MAD052", message, name, span, known)


def unknown_behavior(name: str, owner: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD053", f"`{owner}` has no behavior `{name}`", name, span, known, f"declare `behavior {name}` in `{owner}`"
    )


def unknown_port(name: str, owner: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD054", f"`{owner}` has no port `{name}`", name, span, known, f"`{owner}` has no port at all")


def unknown_instance(name: str, where: str, span: Span, known: Iterable[str], indices: str = "") -> Diagnostic:
    message = f"there is no instance `{name}` in {where}"
    if indices:
        return error("MAD055", message, span, help=indices)
    return _unknown("MAD055", message, name, span, known, f"declare `{name}: <type>` in {where}")


def unknown_assembly(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD056", f"there is no assembly `{name}`", name, span, known, f"declare `assembly {name} {{ ... }}`"
    )


def unknown_program(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD057", f"there is no program `{name}`", name, span, known, "declare it with `program ... for ...`"
    )


def unknown_goal(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD058", f"there is no goal `{name}` in this verify block", name, span, known, f"write `goal {name} = ...`"
    )


def unknown_parameter(name: str, owner: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD059", f"`{owner}` has no parameter `{name}`", name, span, known, f"`{owner}` has no parameters")


def unknown_value(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD060",
        f"`{name}` is no parameter and no loop variable here",
        name,
        span,
        known,
        "texts stand in double quotes; names are parameters and loop variables",
    )


def unknown_hole(path: str, span: Span, known: Iterable[str], reason: str = "") -> Diagnostic:
    help_, _ = did_you_mean(path, span, known)
    message = f"`${{{path}}}` names nothing that is known here" if path else "`${}` names nothing"
    shell = f"write `$${{{path}}}` for the shell's own"
    if reason:
        return error("MAD061", message, span, help=reason)
    return error("MAD061", message, span, help=f"{help_}; {shell}" if help_ else shell)


def unknown_value_type(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD062", f"there is no value type `{name}`", name, span, known)


def unknown_label(name: str, where: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD063", f"`{name}` is no instance and no label in {where}", name, span, known)


def unknown_element(name: str, owner: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD064", f"`{owner}` has no place and no provide port `{name}`", name, span, known)


def misspelt_action(name: str, near: str, span: Span) -> Diagnostic:
    return warning(
        "MAD065",
        f"`{name}` is none of the built-in actions, and nearly one",
        span,
        help=f"did you mean `{near}`?",
        fix=Fix(f"write `{near}`", (Edit(span, near),)),
    )


def misspelt_option(name: str, action: str, near: str, span: Span) -> Diagnostic:
    return warning(
        "MAD066",
        f"`{name}` is no option of `{action}`, and nearly one",
        span,
        help=f"did you mean `{near}`?",
        fix=Fix(f"write `{near}`", (Edit(span, near),)),
    )


def unknown_setting(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD067", f"a rollout has no setting `{name}`", name, span, known)


def unknown_duration(key: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown(
        "MAD068",
        f"`{key}` names no transition of a type or an instance",
        key,
        span,
        known,
        'entries are named `"Type.transition"` or `"instance.transition"`',
    )


def unknown_version(name: str, role: str, span: Span, known: Iterable[str]) -> Diagnostic:
    return _unknown("MAD069", f"role `{role}` has no version `{name}`", name, span, known)


# ---- declared twice --------------------------------------------------------------------------------------------------


def duplicate_declaration(what: str, name: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD070",
        f"{what} `{name}` is declared twice",
        span,
        related=((first, "first declared here"),),
        help="rename one of the two or take it away",
    )


def import_clash(what: str, name: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD071",
        f"{what} `{name}` is declared in two files",
        span,
        related=((first, f"first declared here, in {first.file}"),),
        help="all files of a model share their names: rename one of the two",
    )


def duplicate_member(what: str, name: str, owner: str, span: Span, first: Span, help_: str = "") -> Diagnostic:
    return error(
        "MAD072",
        f"{what} `{name}` is declared twice in `{owner}`",
        span,
        related=((first, "first declared here"),),
        help=help_ or None,
    )


def duplicate_parameter(name: str, owner: str, span: Span, first: Span) -> Diagnostic:
    return error("MAD073", f"`{owner}` has two parameters `{name}`", span, related=((first, "first declared here"),))


def duplicate_instance(name: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD074",
        f"there are two instances `{name}`",
        span,
        related=() if first == span else ((first, "first made here"),),
        help="in a loop give each turn its own: `name[i]`" if first == span else None,
    )


def duplicate_connection(connection: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD075",
        f"`{connection}` is connected already",
        span,
        related=() if first == span else ((first, "first connected here"),),
        help="the same connection is made in every turn of the loop" if first == span else "take one of the two away",
    )


def duplicate_goal(name: str, span: Span, first: Span) -> Diagnostic:
    return error("MAD076", f"there are two goals `{name}`", span, related=((first, "first declared here"),))


def duplicate_label(name: str, span: Span, first: Span, instance: bool) -> Diagnostic:
    if instance:
        return error(
            "MAD077",
            f"the label `{name}` is also the name of an instance",
            span,
            related=((first, "the instance"),),
            help=f"`wait {name}` could mean either: choose another label",
        )
    return error("MAD077", f"the label `{name}` is given twice", span, related=((first, "first given here"),))


def duplicate_key(what: str, name: str, span: Span, first: Span) -> Diagnostic:
    return error("MAD078", f"{what} `{name}` is given twice", span, related=((first, "first given here"),))


def named_twice(what: str, name: str, span: Span, first: Span) -> Diagnostic:
    return error("MAD079", f"{what} `{name}` is named twice", span, related=((first, "first named here"),))


def hidden_name(name: str, span: Span, first: Span) -> Diagnostic:
    return error(
        "MAD080",
        f"the loop variable `{name}` hides another of that name",
        span,
        related=((first, "the one it hides"),),
        help="give the variable another name",
    )


# ---- never used ------------------------------------------------------------------------------------------------------


def unused_parameter(name: str, owner: str, span: Span) -> Diagnostic:
    return warning(
        "MAD081",
        f"nothing in `{owner}` reads the parameter `{name}`",
        span,
        help="use it as `${" + name + "}` or drop it",
    )


def unused_secret(name: str, span: Span) -> Diagnostic:
    return warning("MAD082", f"nothing reads the secret `{name}`", span, help="use it as `${" + name + "}` or drop it")


def unused_data(name: str, owner: str, span: Span) -> Diagnostic:
    return warning(
        "MAD083",
        f"no transition of `{owner}` reads the data port `{name}`",
        span,
        help="read it as `${" + name + "}` in the transitions it is bound to",
    )
