"""Place/transition nets with weights, read arcs, inhibitor arcs and static intervals, as values made for indexes.

Places and transitions are numbered; a marking is a tuple of token counts by place number. Rules of the token game (Murata 1989,
with test and inhibitor arcs as in TINA; none of the arcs adds to another):

- *t* is enabled when every place of ``pre[t]`` and of ``read[t]`` holds at least the arc's weight, and every place of
  ``inhibit[t]`` holds fewer tokens than the arc's weight;
- firing *t* takes the weights of ``pre[t]`` and adds those of ``post[t]``; read and inhibitor arcs move nothing;
- in a marking with two tokens on a place of ``single`` nothing is enabled. Such a place stands for a model element that holds
  one token at most; a second one is an error of the model, found by whoever reaches that marking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from madeus.model import ANY_TIME, Interval
from madeus.semantics.step import Step

Marking = tuple[int, ...]
"""Number of tokens on each place, by place number."""

Arc = tuple[int, int]
"""(place number, weight); the weight is at least 1."""

Arcs = tuple[Arc, ...]
"""Arcs of one transition, at most one for each place."""

NOW = Interval(0.0, 0.0)
"""The interval of an urgent transition."""


class NetError(ValueError):
    """A net that is not one: unknown places, names used twice, weights below 1, contradictory intervals."""


@dataclass(frozen=True)
class Net:
    """A net. Everything that belongs to transition number t stands at index t of its tuple."""

    name: str
    places: tuple[str, ...]
    """Name of each place, unique among the places."""
    transitions: tuple[str, ...]
    """Name of each transition, unique among the transitions."""
    pre: tuple[Arcs, ...]
    """Tokens that a transition takes."""
    post: tuple[Arcs, ...]
    """Tokens that a transition makes."""
    read: tuple[Arcs, ...]
    """Tokens that have to be there, and stay."""
    inhibit: tuple[Arcs, ...]
    """A place with this many tokens, or more, disables the transition."""
    initial: Marking
    intervals: tuple[Interval, ...]
    """Static interval of each transition, in seconds: an END has that of its Madeus transition, an urgent one [0, 0]."""
    urgent: tuple[bool, ...]
    """Whether the transition takes no time and is taken as soon as it is enabled."""
    labels: tuple[Step | None, ...]
    """The step of the semantics that a transition stands for; several may share one (disjunctions). None: for none."""
    single: frozenset[int] = frozenset()
    """Places where a second token ends the run. Only those where one may come: see the module's text."""
    bounds: tuple[int, ...] | None = None
    """For each place a number of tokens that it never exceeds in a marking that is not halted; None: not known."""
    sums: Mapping[int, tuple[int, Mapping[int, int]]] = field(default_factory=dict, compare=False)
    """Places that hold a number which follows from others -> (constant, {place: factor}); none of those is such a place."""

    @cached_property
    def place_index(self) -> dict[str, int]:
        """Place number by name."""
        return {name: index for index, name in enumerate(self.places)}

    @cached_property
    def transition_index(self) -> dict[str, int]:
        """Transition number by name."""
        return {name: index for index, name in enumerate(self.transitions)}

    @cached_property
    def labelled(self) -> dict[Step, tuple[int, ...]]:
        """Transitions that stand for each step."""
        found: dict[Step, list[int]] = {}
        for index, label in enumerate(self.labels):
            if label is not None:
                found.setdefault(label, []).append(index)
        return {step: tuple(indexes) for step, indexes in found.items()}

    @cached_property
    def consumers(self) -> tuple[tuple[int, ...], ...]:
        """For each place the transitions that take tokens from it."""
        return _by_place(len(self.places), self.pre)

    @cached_property
    def producers(self) -> tuple[tuple[int, ...], ...]:
        """For each place the transitions that make tokens on it."""
        return _by_place(len(self.places), self.post)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """For each place the transitions with a read arc from it."""
        return _by_place(len(self.places), self.read)

    @cached_property
    def inhibited(self) -> tuple[tuple[int, ...], ...]:
        """For each place the transitions with an inhibitor arc from it."""
        return _by_place(len(self.places), self.inhibit)

    @property
    def arc_count(self) -> int:
        """Number of arcs of all four kinds."""
        return sum(len(arcs) for side in (self.pre, self.post, self.read, self.inhibit) for arcs in side)

    def halted(self, marking: Sequence[int]) -> bool:
        """Whether a place of ``single`` holds two tokens, so that nothing is enabled."""
        return any(marking[place] > 1 for place in self.single)

    def is_enabled(self, marking: Sequence[int], transition: int) -> bool:
        """Whether a transition is enabled in a marking that is not halted."""
        for place, weight in self.pre[transition]:
            if marking[place] < weight:
                return False
        for place, weight in self.read[transition]:
            if marking[place] < weight:
                return False
        return all(marking[place] < weight for place, weight in self.inhibit[transition])

    def enabled(self, marking: Sequence[int]) -> tuple[int, ...]:
        """Numbers of all enabled transitions, ascending."""
        if self.single and self.halted(marking):
            return ()
        return tuple(t for t in range(len(self.transitions)) if self.is_enabled(marking, t))

    def fire(self, marking: Sequence[int], transition: int) -> Marking:
        """The marking after an enabled transition."""
        after = list(marking)
        for place, weight in self.pre[transition]:
            after[place] -= weight
        for place, weight in self.post[transition]:
            after[place] += weight
        return tuple(after)

    def successors(self, marking: Sequence[int]) -> Iterator[tuple[int, Marking]]:
        """Every enabled transition with the marking after it."""
        for transition in self.enabled(marking):
            yield transition, self.fire(marking, transition)

    def marked(self, marking: Sequence[int]) -> dict[str, int]:
        """The marked places by name, with their tokens: a marking to show."""
        return {self.places[index]: tokens for index, tokens in enumerate(marking) if tokens}


class NetBuilder:
    """Collects places and transitions; ``build`` checks them and gives the net."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: list[str] = []
        self.initial: list[int] = []
        self.single: set[int] = set()
        self._transitions: list[str] = []
        self._pre: list[Arcs] = []
        self._post: list[Arcs] = []
        self._read: list[Arcs] = []
        self._inhibit: list[Arcs] = []
        self._intervals: list[Interval] = []
        self._urgent: list[bool] = []
        self._labels: list[Step | None] = []

    def place(self, name: str, tokens: int = 0, single: bool = False) -> int:
        """Add a place; returns its number."""
        number = len(self.places)
        self.places.append(name)
        self.initial.append(tokens)
        if single:
            self.single.add(number)
        return number

    def transition(
        self,
        name: str,
        pre: Iterable[Arc] = (),
        post: Iterable[Arc] = (),
        read: Iterable[Arc] = (),
        inhibit: Iterable[Arc] = (),
        *,
        label: Step | None = None,
        urgent: bool = False,
        interval: Interval | None = None,
    ) -> int:
        """Add a transition; returns its number. interval: [0, 0] by default for an urgent one, else [0, infinity)."""
        number = len(self._transitions)
        self._transitions.append(name)
        self._pre.append(tuple(pre))
        self._post.append(tuple(post))
        self._read.append(tuple(read))
        self._inhibit.append(tuple(inhibit))
        self._intervals.append(interval or (NOW if urgent else ANY_TIME))
        self._urgent.append(urgent)
        self._labels.append(label)
        return number

    def build(
        self, bounds: Sequence[int] | None = None, sums: Mapping[int, tuple[int, Mapping[int, int]]] | None = None
    ) -> Net:
        """The net; bounds, sums: see Net. Raises NetError for the first thing that is wrong."""
        net = Net(
            self.name,
            tuple(self.places),
            tuple(self._transitions),
            tuple(self._pre),
            tuple(self._post),
            tuple(self._read),
            tuple(self._inhibit),
            tuple(self.initial),
            tuple(self._intervals),
            tuple(self._urgent),
            tuple(self._labels),
            frozenset(self.single),
            None if bounds is None else tuple(bounds),
            sums or {},
        )
        validate(net)
        return net


def validate(net: Net) -> None:
    """Check the parts of a net against each other. Raises NetError that names the first wrong element."""
    _unique("place", net.places)
    _unique("transition", net.transitions)
    _same_lengths(net)
    for place, tokens in enumerate(net.initial):
        if tokens < 0:
            raise NetError(f"place {net.places[place]} starts with {tokens} tokens")
    for place in net.single:
        if not 0 <= place < len(net.places):
            raise NetError(f"single place number {place} does not exist")
    if net.bounds is not None:
        for place, bound in enumerate(net.bounds):
            if bound < net.initial[place]:
                raise NetError(f"place {net.places[place]} starts with more tokens than its bound {bound}")
    for kind in ("pre", "post", "read", "inhibit"):
        _check_arcs(net, kind, getattr(net, kind))
    for transition, interval in enumerate(net.intervals):
        if not 0 <= interval.minimum <= interval.maximum:
            raise NetError(f"transition {net.transitions[transition]} has the impossible interval {interval}")


def _same_lengths(net: Net) -> None:
    if len(net.initial) != len(net.places):
        raise NetError(f"{len(net.initial)} initial numbers of tokens for {len(net.places)} places")
    if net.bounds is not None and len(net.bounds) != len(net.places):
        raise NetError(f"{len(net.bounds)} bounds for {len(net.places)} places")
    for kind in ("pre", "post", "read", "inhibit", "intervals", "urgent", "labels"):
        found = len(getattr(net, kind))
        if found != len(net.transitions):
            raise NetError(f"{found} entries in {kind} for {len(net.transitions)} transitions")


def _check_arcs(net: Net, kind: str, side: tuple[Arcs, ...]) -> None:
    count = len(net.places)
    for transition, arcs in enumerate(side):
        for place, weight in arcs:
            if not 0 <= place < count:
                raise NetError(
                    f"transition {net.transitions[transition]}: {kind} arc to place number {place} of {count}"
                )
            if weight < 1:
                raise NetError(f"transition {net.transitions[transition]}: {kind} arc of weight {weight}")
        if len(arcs) > 1 and len({place for place, _ in arcs}) < len(arcs):
            raise NetError(f"transition {net.transitions[transition]}: two {kind} arcs for one place")


def _unique(kind: str, names: tuple[str, ...]) -> None:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise NetError(f"two {kind}s are called {name}")
            seen.add(name)
    if "" in names:
        raise NetError(f"a {kind} has no name")


def _by_place(count: int, side: tuple[Arcs, ...]) -> tuple[tuple[int, ...], ...]:
    lists: list[list[int]] = [[] for _ in range(count)]
    for transition, arcs in enumerate(side):
        for place, _ in arcs:
            lists[place].append(transition)
    return tuple(map(tuple, lists))
