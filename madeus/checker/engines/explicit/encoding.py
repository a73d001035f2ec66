"""Markings as integers: every place has a field of bits, firing a transition adds one number.

A place that holds one token at most has one bit; one where a second token ends the run has two; a number kept for a condition
(a group with several tokens, a disjunction) has sixteen. Tests of one-bit places are two masks for each transition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from madeus.petri.element import ElementKind
from madeus.petri.net import Net
from madeus.petri.translate import Translation

WIDE = 16
"""Bits of a place that may hold many tokens."""


class Field(NamedTuple):
    """Where a place's tokens are in a marking."""

    shift: int
    width: int

    @property
    def mask(self) -> int:
        """Mask of the field's bits, in place."""
        return ((1 << self.width) - 1) << self.shift


class Test(NamedTuple):
    """A condition on a place of several bits: at least, or fewer than, ``weight`` tokens."""

    shift: int
    mask: int
    weight: int
    less: bool


@dataclass(frozen=True, slots=True)
class Encoding:
    """A net on integers. What belongs to transition number t stands at index t."""

    net: Net
    fields: tuple[Field, ...]
    initial: int
    need: tuple[int, ...]
    """Bits that have to be set."""
    bar: tuple[int, ...]
    """Bits that have to be clear."""
    tests: tuple[tuple[Test, ...], ...]
    """Conditions on places of several bits."""
    delta: tuple[int, ...]
    """What firing adds."""
    halting: int
    """The upper bits of places where a second token ends the run."""
    bits: int
    """Bits of a marking."""

    def tokens(self, marking: int, place: int) -> int:
        """Tokens on a place."""
        field = self.fields[place]
        return (marking >> field.shift) & ((1 << field.width) - 1)

    def is_enabled(self, marking: int, transition: int) -> bool:
        """Whether a transition is enabled in a marking where the run has not ended."""
        need = self.need[transition]
        if marking & need != need or marking & self.bar[transition]:
            return False
        for shift, mask, weight, less in self.tests[transition]:  # noqa: SIM110 - the hottest line of a search
            if (((marking >> shift) & mask) < weight) != less:
                return False
        return True

    def decode(self, marking: int) -> tuple[int, ...]:
        """The marking as a tuple of numbers of tokens."""
        return tuple((marking >> f.shift) & ((1 << f.width) - 1) for f in self.fields)

    def any_of(self, places: Iterable[int]) -> int:
        """Mask that is hit when one of the places holds a token."""
        mask = 0
        for place in places:
            mask |= self.fields[place].mask
        return mask


def encode(translation: Translation) -> Encoding:
    """The encoding of a translated system."""
    net = translation.net
    widths = [_width(net, place, element.kind) for place, element in enumerate(translation.elements)]
    return encode_net(net, widths)


def _width(net: Net, place: int, kind: ElementKind) -> int:
    """Bits for the tokens of a place: for the bound that the translation proves, for two where a second one ends the run."""
    if place in net.single:
        return 2
    if net.bounds is not None:
        # Where a clash ends the run one more token may come in the very step.
        return max(1, (net.bounds[place] + bool(net.single)).bit_length())
    return WIDE if kind in (ElementKind.SUM, ElementKind.BUDGET, ElementKind.LOST) else 1


def encode_net(net: Net, widths: Sequence[int]) -> Encoding:
    """The encoding of a net. widths: bits of each place's field; fields do not cross words of 64 bits."""
    fields: list[Field] = []
    at = 0
    for width in widths:
        if at % 64 + width > 64:
            at += 64 - at % 64
        fields.append(Field(at, width))
        at += width
    need, bar, tests, delta = [], [], [], []
    for t in range(len(net.transitions)):
        must = must_not = 0
        counted: list[Test] = []
        change = 0
        for place, weight in net.pre[t]:
            change -= weight << fields[place].shift
        for place, weight in net.post[t]:
            change += weight << fields[place].shift
        for arcs, less in ((net.pre[t], False), (net.read[t], False), (net.inhibit[t], True)):
            for place, weight in arcs:
                field = fields[place]
                if field.width == 1 and weight == 1:
                    if less:
                        must_not |= field.mask
                    else:
                        must |= field.mask
                else:
                    counted.append(Test(field.shift, (1 << field.width) - 1, weight, less))
        need.append(must)
        bar.append(must_not)
        tests.append(tuple(counted))
        delta.append(change)
    initial = sum(tokens << field.shift for tokens, field in zip(net.initial, fields, strict=True))
    halting = sum(2 << fields[place].shift for place in net.single)
    return Encoding(net, tuple(fields), initial, tuple(need), tuple(bar), tuple(tests), tuple(delta), halting, at)
