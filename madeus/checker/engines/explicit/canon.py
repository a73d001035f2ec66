"""Markings up to the order of replicas: the representative of those that differ by an exchange, by sorting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import factorial
from typing import NamedTuple

from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.symmetry import Instructions, Invariant, Orbit
from madeus.petri.translate import Translation
from madeus.semantics import StepKind


class SetApart(Exception):
    """An instruction makes a difference between replicas that are in different states."""


class _Run(NamedTuple):
    """Neighbouring fields of all replicas of an orbit."""

    mask: int
    """Bits, moved down to zero."""
    at: int
    """Where they stand in a replica's number."""


class _Layout:
    """Where the states of an orbit's replicas are in a marking, as one number for each."""

    def __init__(self, encoding: Encoding, blocks: Sequence[Sequence[int]]) -> None:
        fields = encoding.fields
        self.runs: list[_Run] = []
        self.shifts: list[list[int]] = []
        """For each run the shift of each replica."""
        at = role = 0
        count = len(blocks[0])
        while role < count:
            begin = role
            while role + 1 < count and all(
                0 < fields[block[role + 1]].shift - fields[block[begin]].shift < 64
                and fields[block[role + 1]].shift - fields[block[begin]].shift
                == fields[blocks[0][role + 1]].shift - fields[blocks[0][begin]].shift
                for block in blocks
            ):
                role += 1
            base = fields[blocks[0][begin]].shift
            mask = sum(fields[p].mask >> base for p in blocks[0][begin : role + 1])
            self.runs.append(_Run(mask, at))
            self.shifts.append([fields[block[begin]].shift for block in blocks])
            at += mask.bit_length()
            role += 1
        self.masks = [sum(fields[p].mask for p in block) for block in blocks]

    def read(self, marking: int, replica: int) -> int:
        """The state of a replica."""
        value = 0
        for (mask, at), shifts in zip(self.runs, self.shifts, strict=True):
            value |= ((marking >> shifts[replica]) & mask) << at
        return value

    def write(self, replica: int, value: int) -> int:
        """The bits of a marking where a replica has a state."""
        bits = 0
        for (mask, at), shifts in zip(self.runs, self.shifts, strict=True):
            bits |= ((value >> at) & mask) << shifts[replica]
        return bits


_Group = tuple[int, tuple[int, ...]]
"""Number of an orbit, and those of its replicas that are interchangeable."""


class Canon:
    """Representatives of markings, for one question.

    keep: whether the question stays the same under an exchange. strict: only replicas that no instruction will set apart.
    """

    def __init__(
        self, translation: Translation, encoding: Encoding, orbits: Iterable[Orbit], keep: Invariant, strict: bool
    ) -> None:
        self.strict = strict
        self._instructions = Instructions(translation)
        self._orbits = tuple(orbits)
        self._layouts = [_Layout(encoding, orbit.blocks) for orbit in self._orbits]
        self._whole = [
            (number, group)
            for number, orbit in enumerate(self._orbits)
            for group in self._split(number, range(len(orbit.blocks)), keep)
        ]
        self._positions = {encoding.fields[place].mask: at for at, place in self._instructions.places.items()}
        self._mask = sum(self._positions)
        self._groups: dict[int, tuple[_Group, ...]] = {}
        self._tables: dict[int, list[tuple[_Layout, tuple[int, ...], int]]] = {}
        self._apart: dict[tuple[int, int], tuple[_Group, ...]] = {}
        self.instructions = frozenset(
            t for t, label in enumerate(encoding.net.labels) if label is not None and label.kind is StepKind.PROGRAM
        )

    @property
    def orders(self) -> int:
        """Markings that one stands for, at most."""
        product = 1
        for _, group in self._whole:
            product *= factorial(len(group))
        return product

    def _split(self, number: int, replicas: Iterable[int], keep: Invariant) -> Iterator[tuple[int, ...]]:
        """The replicas in groups within which an exchange keeps something; an equivalence, so one of each group is asked."""
        groups: list[list[int]] = []
        for replica in replicas:
            for group in groups:
                if keep(self._orbits[number].swap(group[0], replica)):
                    group.append(replica)
                    break
            else:
                groups.append([replica])
        return (tuple(group) for group in groups if len(group) > 1)

    def _at(self, where: int) -> tuple[_Group, ...]:
        """The interchangeable replicas where the programs stand."""
        found = self._groups.get(where)
        if found is None:
            positions = [0] * len(self._instructions.lengths)
            for mask, (program, position) in self._positions.items():
                if where & mask:
                    positions[program] = position
            groups: Iterable[_Group] = self._whole
            for at in self._instructions.coming(positions, self.strict):
                groups = [
                    (number, part)
                    for number, group in groups
                    for part in self._split(number, group, lambda swap, at=at: self._instructions.alike(at, swap))  # type: ignore[misc]
                ]
            found = self._groups[where] = tuple(groups)
        return found

    def unchanged(self, marking: int) -> bool:
        """Whether a marking is the only one that its representative stands for."""
        return all(
            len({layout.read(marking, replica) for replica in group}) == 1 for layout, group, _ in self._table(marking)
        )

    def _table(self, marking: int) -> list[tuple[_Layout, tuple[int, ...], int]]:
        where = marking & self._mask
        table = self._tables.get(where)
        if table is None:
            table = self._tables[where] = [
                (self._layouts[number], group, ~sum(self._layouts[number].masks[r] for r in group))
                for number, group in self._at(where)
            ]
        return table

    def __call__(self, marking: int) -> int:
        """The representative of a marking."""
        for layout, group, others in self._table(marking):
            read = layout.read
            values = [read(marking, replica) for replica in group]
            ordered = sorted(values)
            if values != ordered:
                marking &= others
                for replica, value in zip(group, ordered, strict=True):
                    marking |= layout.write(replica, value)
        return marking

    def check(self, before: int, after: int) -> None:
        """After an instruction the replicas that it sets apart are in one state. Raises SetApart when they are not."""
        pair = (before & self._mask, after & self._mask)
        apart = self._apart.get(pair)
        if apart is None:
            left = [(number, set(group)) for number, group in self._at(pair[1])]
            apart = self._apart[pair] = tuple(
                (number, group)
                for number, group in self._at(pair[0])
                if not any(number == other and rest.issuperset(group) for other, rest in left)
            )
        for number, group in apart:
            layout = self._layouts[number]
            if len({layout.read(after, replica) for replica in group}) > 1:
                raise SetApart
