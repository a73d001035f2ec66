"""Fingerprints: what a machine is, with respect to an application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The items of one machine."""

    machine: str
    parsed: frozenset[str] = frozenset()
    """Items that mean something: packages, libraries, environment variables, settings of parsed files."""
    content: frozenset[str] = frozenset()
    """Items of what nothing parses: chunks of files."""
    applications: frozenset[str] = frozenset()
    """Names of the applications there that depend on the one that is to be upgraded."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Fingerprints of machines, and what is known beside them."""

    application: str
    """What the fingerprints are about: a package's name; empty when it is not known."""
    machines: Mapping[str, Fingerprint]
    """By name."""
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By machine, then by path of a file: why it is in the fingerprint (``+``), or is not (``-``)."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Machines that have no fingerprint, and what stood in the way."""


def most_common(fingerprints: Iterable[Fingerprint]) -> Fingerprint:
    """A fingerprint that most machines have: of the machine with the smallest name of those.

    Of sets that equally many machines have, the one with the smallest sorted items. Raises ValueError for no machines.
    """
    counts: Counter[tuple[frozenset[str], frozenset[str], frozenset[str]]] = Counter()
    first: dict[tuple[frozenset[str], frozenset[str], frozenset[str]], Fingerprint] = {}
    for fingerprint in fingerprints:
        key = (fingerprint.parsed, fingerprint.content, fingerprint.applications)
        counts[key] += 1
        known = first.setdefault(key, fingerprint)
        if fingerprint.machine < known.machine:
            first[key] = fingerprint
    if not counts:
        raise ValueError("there are no machines")
    most = max(counts.values())
    return first[min((key for key, count in counts.items() if count == most), key=lambda key: [sorted(s) for s in key])]
