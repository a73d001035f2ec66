"""``${name}`` in the strings of an action.

``$${`` stands for a literal ``${``. A string that is one ``${name}`` and nothing else takes the value with its type (``port
${port}`` is a number); inside a longer text a value is written as `reveal` writes it. A text that holds a secret is `Masked`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from madeus.diagnostics.suggest import nearest
from madeus.executor.action.base import Masked, RuntimeValue, reveal, show
from madeus.executor.errors import InterpolationError
from madeus.model.value import Secret, Value

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[^{}]*)\}|(?P<open>\$\{)")


def interpolate(value: Value, scope: Mapping[str, RuntimeValue]) -> RuntimeValue:
    """The value with every ``${name}`` replaced by what `scope` says, inside lists and maps too.

    A list or map that holds a secret keeps it as a `Masked` item.

    Raises:
        InterpolationError: unknown name, an unclosed ``${``, or a secret that was not given.
    """
    if isinstance(value, str):
        return _text(value, scope)
    if isinstance(value, Secret):
        return _lookup(value.name, f"${{{value.name}}}", scope)
    if isinstance(value, tuple):
        return tuple(interpolate(item, scope) for item in value)
    return value


def references(value: Value) -> list[str]:
    """Names that a value refers to, in order, with repetitions."""
    if isinstance(value, str):
        return [match["name"].strip() for match in _REFERENCE.finditer(value) if match["name"] is not None]
    if isinstance(value, tuple):
        return [name for item in value for name in references(item)]
    return []


def _text(text: str, scope: Mapping[str, RuntimeValue]) -> RuntimeValue:
    if "${" not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    if whole and whole["name"] is not None:
        return _lookup(whole["name"].strip(), text, scope)
    plain: list[str] = []
    shown: list[str] = []
    secret = False
    end = 0
    for match in _REFERENCE.finditer(text):
        before = text[end : match.start()]
        end = match.end()
        if match["open"]:
            raise InterpolationError("", text, "`${` without its `}`", "write `$${` for a literal `${`")
        if match["name"] is None:
            piece: RuntimeValue = "${"
        else:
            piece = _lookup(match["name"].strip(), text, scope)
        secret = secret or isinstance(piece, Masked)
        plain += [before, reveal(piece)]
        shown += [before, show(piece)]
    plain.append(text[end:])
    shown.append(text[end:])
    return Masked("".join(plain), "".join(shown)) if secret else "".join(plain)


def _lookup(name: str, text: str, scope: Mapping[str, RuntimeValue]) -> RuntimeValue:
    if name not in scope:
        _unknown(name, text, scope)
    value = scope[name]
    if isinstance(value, Secret):
        raise InterpolationError(name, text, f"the secret `{value.name}` was given no value")
    return value


def _unknown(name: str, text: str, scope: Mapping[str, RuntimeValue]) -> NoReturn:
    near = nearest(name, scope)
    way_out = f"did you mean `${{{near}}}`? " if near else ""
    raise InterpolationError(
        name,
        text,
        f"`${{{name}}}` names nothing that is known here" if name else "`${}` names nothing",
        f"{way_out}write `$${{{name}}}` for the shell's own",
    )
