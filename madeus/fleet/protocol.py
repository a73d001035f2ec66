"""Staging protocols: in which order the parts of a fleet get an upgrade (Mirage, SOSP 2007).

A fleet is clusters of machines that behave alike; each cluster has *representatives*, that test first, and the *rest*. A
protocol puts these parts into waves: the stages of a wave go on side by side, a wave begins when every stage of the wave
before has passed. All protocols are pure functions; simulation and real rollouts take the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple


class Part(StrEnum):
    """A part of a cluster."""

    REPRESENTATIVES = "representatives"
    REST = "rest"


class Piece(NamedTuple):
    """A part of one cluster."""

    cluster: int
    part: Part


Shape = tuple[tuple[tuple[Piece, ...], ...], ...]
"""Waves of stages of pieces."""


def no_staging(distances: Sequence[int], seed: int = 0) -> Shape:
    """Everything at once."""
    pieces = tuple(Piece(c, part) for c in range(len(distances)) for part in Part)
    return ((pieces,),)


def front_loading(distances: Sequence[int], seed: int = 0) -> Shape:
    """The representatives of all clusters side by side, then the rest cluster by cluster, the farthest first."""
    order = _nearest_first(distances)[::-1]
    return (_together(order, Part.REPRESENTATIVES), *_in_turn(order, Part.REST))


def balanced(distances: Sequence[int], seed: int = 0) -> Shape:
    """Cluster by cluster, the nearest first: its representatives, then its rest."""
    return _cluster_by_cluster(_nearest_first(distances))


def random(distances: Sequence[int], seed: int = 0) -> Shape:
    """As `balanced`, with the clusters in an order that the seed alone says."""
    return _cluster_by_cluster(sorted(range(len(distances)), key=lambda c: sha256(f"{seed} {c}".encode()).digest()))


def representatives_first(distances: Sequence[int], seed: int = 0) -> Shape:
    """The representatives of all clusters side by side, then all others side by side."""
    order = _nearest_first(distances)
    return (_together(order, Part.REPRESENTATIVES), _together(order, Part.REST))


def one_by_one(distances: Sequence[int], seed: int = 0) -> Shape:
    """The representatives cluster by cluster, the nearest first; then the rest in the same order."""
    order = _nearest_first(distances)
    return (*_in_turn(order, Part.REPRESENTATIVES), *_in_turn(order, Part.REST))


PROTOCOLS: dict[str, Callable[[Sequence[int], int], Shape]] = {
    "no_staging": no_staging,
    "front_loading": front_loading,
    "balanced": balanced,
    "random": random,
    "representatives_first": representatives_first,
    "one_by_one": one_by_one,
}
"""By name: from the distance of each cluster and a seed to the waves."""


def _nearest_first(distances: Sequence[int]) -> list[int]:
    """Clusters by distance; equal ones in the order in which they are given."""
    return sorted(range(len(distances)), key=lambda c: distances[c])


def _together(order: Sequence[int], part: Part) -> tuple[tuple[Piece, ...], ...]:
    return tuple((Piece(c, part),) for c in order)


def _in_turn(order: Sequence[int], part: Part) -> Shape:
    return tuple(((Piece(c, part),),) for c in order)


def _cluster_by_cluster(order: Sequence[int]) -> Shape:
    return tuple(((Piece(c, part),),) for c in order for part in Part)
