"""Fleets as values for JSON: each item is written once, and each set of items.

::

    {"format": "madeus-fleet", "version": 1, "application": "mariadb-server",
     "items": ["package/mariadb-server/1:10.11.6-0+deb12u1", ...],
     "sets": [[0, 1, 5], ...],
     "machines": {"db1": {"parsed": 0, "content": 1, "applications": ["php8.2-mysql"]}, ...},
     "reasons": [{"/etc/mysql/my.cnf": "+ ..."}, ...], "why": {"db1": 0, ...},
     "unreachable": {"db9": "connection refused"}}

``items`` are in the order of their texts; ``sets`` hold numbers of items, ``parsed`` and ``content`` numbers of sets,
``why`` numbers of ``reasons``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from madeus.fleet.fingerprint import Fingerprint, Fleet

FORMAT, VERSION = "madeus-fleet", 1


def fleet_to(fleet: Fleet) -> dict[str, Any]:
    """A fleet as a value for JSON."""
    machines = {name: fleet.machines[name] for name in sorted(fleet.machines)}
    distinct = dict.fromkeys(items for one in machines.values() for items in (one.parsed, one.content))
    items = sorted(set().union(*distinct))
    numbers = {item: number for number, item in enumerate(items)}
    places = {one: place for place, one in enumerate(distinct)}
    reasons: dict[tuple[tuple[str, str], ...], int] = {}
    why = {}
    for name in sorted(fleet.reasons):
        key = tuple(sorted(fleet.reasons[name].items()))
        why[name] = reasons.setdefault(key, len(reasons))
    return {
        "format": FORMAT,
        "version": VERSION,
        "application": fleet.application,
        "items": items,
        "sets": [sorted(numbers[item] for item in one) for one in distinct],
        "machines": {
            name: {
                "parsed": places[one.parsed],
                "content": places[one.content],
                "applications": sorted(one.applications),
            }
            for name, one in machines.items()
        },
        "reasons": [dict(one) for one in reasons],
        "why": why,
        "unreachable": dict(sorted(fleet.unreachable.items())),
    }


def fleet_from(document: Any) -> Fleet:
    """The fleet of such a value; equal sets of items are one object. Raises ValueError, with what is wrong."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    if document.get("version") != VERSION:
        raise ValueError(f"it has version {document.get('version')!r}, this program reads {VERSION}")
    try:
        items = [_text(item) for item in document["items"]]
        sets = [frozenset(items[_number(place)] for place in one) for one in document["sets"]]
        machines = {name: _fingerprint(_text(name), one, sets) for name, one in document["machines"].items()}
        reasons = [_texts(one) for one in document.get("reasons", [])]
        why = {_text(name): reasons[_number(place)] for name, place in document.get("why", {}).items()}
        unreachable = _texts(document.get("unreachable", {}))
        return Fleet(_text(document.get("application", "")), machines, why, unreachable)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        said = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(said) from None


def _fingerprint(name: str, one: Mapping[str, Any], sets: list[frozenset[str]]) -> Fingerprint:
    applications = frozenset(_text(application) for application in one.get("applications", ()))
    return Fingerprint(name, sets[_number(one["parsed"])], sets[_number(one["content"])], applications)


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is not a place in a list")
    return value
