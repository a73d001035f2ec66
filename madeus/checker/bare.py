"""Questions of a bare net, one that stands for no assembly: how many markings it reaches, and whether it can come to rest.

Bounds come from P-invariants (Murata 1989, section V-B). A place that none covers gets a field with a guard bit above it; a
marking with a guard bit set is not gone on from. The run to it either passes through a marking and later through a larger
one, which proves the net unbounded (Karp and Miller 1969), or the fields were too narrow, and the search begins again with
wider ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from madeus.checker.engine import Exhausted, Watch
from madeus.checker.engines.explicit.encoding import Encoding, encode_net
from madeus.checker.engines.explicit.search import Search
from madeus.petri.invariants import place_invariants, weighted_sum
from madeus.petri.net import Marking, Net, NetError
from madeus.petri.plain import without_clashes
from madeus.petri.reduce import reduce_net

LARGE = 20_000
"""Places from which on invariants are not looked for."""

EQUATION = 5_000
"""Transitions up to which the state equation is asked."""

EQUATION_SECONDS = 10.0
"""Seconds after which the state equation is given up, for the search to begin."""

QUICK = 2_000
"""Markings in which a dead one is looked for before the state equation is asked."""

GUARDS = (2, 4, 8, 16, 32)
"""Bits of a field without a known bound, below its guard bit: what is tried one after another."""

ROUNDS = 4
"""How often the rules of reduction are tried on a net that is too large to search."""

PAIRS = 20_000_000
"""Pairs of transitions that take from one place, and comparisons of numbers of tokens, that are looked at at most."""

LARGEST = 200_000_000
"""Places times transitions of a net whose markings are searched: each transition is a number as long as a marking."""

_WIDEST = 62


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A proof that a place holds any number of tokens."""

    place: str
    before: tuple[str, ...]
    """Transitions from the initial marking to one from which the rest can be repeated."""
    again: tuple[str, ...]
    """Transitions that lead from there to a larger marking: the more often they fire, the more tokens."""


@dataclass(frozen=True, slots=True)
class Markings:
    """What a count of all reachable markings found."""

    states: int
    tokens: int
    """Most tokens on one place."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A reachable marking where nothing is enabled."""

    run: tuple[str, ...]
    """Transitions of a run to it."""
    marked: dict[str, int]
    """Tokens of each marked place."""
    states: int
    shortest: bool
    """Whether no run to any dead marking is shorter."""


@dataclass(frozen=True, slots=True)
class Alive:
    """A proof that no reachable marking is dead. by: how it was found, as a phrase."""

    by: str
    states: int


@dataclass(frozen=True, slots=True)
class Unsure:
    """No answer: why, as a phrase."""

    why: str
    states: int


class _TooNarrow(Exception):
    """A guard bit was set. run: transitions from the initial marking."""

    def __init__(self, run: Sequence[int]) -> None:
        super().__init__()
        self.run = run


def known_bounds(net: Net) -> list[int | None]:
    """For each place a number of tokens that it never exceeds; None: none is known."""
    if net.bounds is not None:
        return list(net.bounds)
    bounds: list[int | None] = [None] * len(net.places)
    if len(net.places) > LARGE:
        return bounds
    for vector in place_invariants(net).vectors:
        total = weighted_sum(vector, net.initial)
        for place, weight in vector.items():
            most, found = total // weight, bounds[place]
            bounds[place] = most if found is None else min(most, found)
    return bounds


def count_markings(net: Net, watch: Watch) -> Markings | Unbounded | Unsure:
    """Count the reachable markings. Unsure when the watch's budget is spent before."""
    if find_spec("numpy") is None:
        return Unsure("counting needs NumPy, which is not installed (madeus[fast])", 0)
    bounds = known_bounds(net)
    try:
        for guard in GUARDS:
            encoding = _encode(net, bounds, guard)
            before = watch.states
            try:
                return _sweep(encoding, watch)
            except _TooNarrow as narrow:
                proof = _growing(net, narrow.run)
                if proof is not None:
                    return proof
                watch.states = before
    except Exhausted as spent:
        return Unsure(str(spent), watch.states)
    except NetError as error:
        return Unsure(str(error), watch.states)
    return Unsure(f"a place holds {1 << GUARDS[-1]} tokens or more", watch.states)


def find_dead(net: Net, watch: Watch) -> Dead | Alive | Unsure:
    """A dead marking and a shortest run to it, or a proof that there is none.

    By the state equation after reductions (with z3, where it is installed) unless a short search has found one, and by a
    search with stubborn sets, which keep dead markings and the shortest runs to them.
    """
    net = without_clashes(net)
    if any(not (net.pre[t] or net.read[t] or net.inhibit[t]) for t in range(len(net.transitions))):
        return Alive("a transition that needs nothing", 0)
    if sum(len(consumers) ** 2 for consumers in net.consumers) > PAIRS:
        return Unsure("too many transitions take from one place for a search with stubborn sets", watch.states)
    if len(net.places) * len(net.transitions) > LARGEST:
        return _find_in_small(net, watch)
    try:
        bounds = known_bounds(net)
        few = min(QUICK, watch.budget.states or QUICK)
        try:
            found = _search(net, bounds, Watch(watch.engine, replace(watch.budget, states=few)), deep=True)
        except Exhausted:
            found = None
        if not isinstance(found, (Dead, Alive)):
            if _excluded(net, watch):
                return Alive("the state equation", 0)
            found = found or _search(net, bounds, watch, deep=True)
        return _shortest(net, bounds, watch, found) if isinstance(found, Dead) else found
    except Exhausted as spent:
        return Unsure(str(spent), watch.states)
    except NetError as error:
        return Unsure(str(error), watch.states)


def _find_in_small(net: Net, watch: Watch) -> Dead | Alive | Unsure:
    """Of a net that is too large to search: the same of what reductions leave of it."""
    reduction = reduce_net(net, rounds=ROUNDS)
    small = reduction.net
    if len(small.places) * len(small.transitions) > LARGEST:
        return Unsure(str(_too_large(net)), watch.states)
    found = find_dead(small, watch)
    if not isinstance(found, Dead):
        return found
    run = reduction.expand(small.transition_index[name] for name in found.run)
    marking = list(net.initial)
    for t in run:
        for arcs, sign in ((net.pre[t], -1), (net.post[t], 1)):
            for place, weight in arcs:
                marking[place] += sign * weight
    return Dead(tuple(net.transitions[t] for t in run), net.marked(tuple(marking)), found.states, False)


def _too_large(net: Net) -> NetError:
    return NetError(f"{len(net.places)} places and {len(net.transitions)} transitions are too many to search")


def _excluded(net: Net, watch: Watch) -> bool:
    """Whether the state equation of the reduced net has no dead solution. Raises Exhausted when the whole budget is spent."""
    if find_spec("z3") is None or len(net.transitions) > EQUATION:
        return False
    from madeus.checker.engine import Budget
    from madeus.checker.engines.smt.linear import excluded, nothing_enabled

    seconds = watch.budget.seconds
    small = reduce_net(net).net
    short = EQUATION_SECONDS if seconds is None else min(EQUATION_SECONDS, seconds / 4)
    try:
        return excluded(small, nothing_enabled(small), Watch("smt", Budget(short, watch.budget.memory)))
    except Exhausted:
        watch.check()
        return False


def _shortest(net: Net, bounds: Sequence[int | None], watch: Watch, found: Dead) -> Dead:
    """A shortest run to a dead marking, or the one that was found when the budget is spent before."""
    try:
        again = _search(net, bounds, watch, deep=False)
    except Exhausted:
        return found
    return again if isinstance(again, Dead) else found


def _search(net: Net, bounds: Sequence[int | None], watch: Watch, deep: bool) -> Dead | Alive | Unsure:
    """Explore with fields that are wide enough. Raises Exhausted and NetError."""
    for guard in GUARDS:
        found = _explore(net, Search(_encode(net, bounds, guard)), watch, deep)
        if found is not None:
            return found
    return Unsure(f"a place holds {1 << GUARDS[-1]} tokens or more", watch.states)


def _explore(net: Net, search: Search, watch: Watch, deep: bool) -> Dead | Alive | Unsure | None:
    """Search until a dead marking is found. None: a field was too narrow, and the net may be bounded. Raises Exhausted.

    deep: take what was found last first, which finds a dead marking soon where there are many states; else what was found
    first, which finds a shortest run.
    """
    encoding = search.encoding
    parents: dict[int, tuple[int, int] | None] = {encoding.initial: None}
    waiting = deque([(encoding.initial, search.enabled_in(encoding.initial))])
    proof: Unbounded | None = None
    while waiting:
        marking, enabled = waiting.pop() if deep else waiting.popleft()
        watch.tick()
        if marking & encoding.halting:
            proof = proof or _growing(net, _path(parents, marking))
            if proof is None:
                return None
            continue
        if not enabled:
            run = tuple(net.transitions[t] for t in _path(parents, marking))
            return Dead(run, net.marked(encoding.decode(marking)), len(parents), not deep and proof is None)
        entry = parents[marking]
        latest = search.stubborn.affected[entry[0]] if entry is not None else ()
        for t in search.stubborn.choose(marking, enabled, latest):
            after = marking + encoding.delta[t]
            if after not in parents:
                parents[after] = (t, marking)
                waiting.append((after, search.enabled_after(enabled, after, t)))
    if proof is not None:
        return Unsure(f"the net is unbounded: {proof.place} may hold any number of tokens", watch.states)
    return Alive("search with stubborn sets", len(parents))


def _path(parents: dict[int, tuple[int, int] | None], marking: int) -> tuple[int, ...]:
    path: list[int] = []
    entry = parents[marking]
    while entry is not None:
        path.append(entry[0])
        entry = parents[entry[1]]
    return tuple(reversed(path))


def _encode(net: Net, bounds: Sequence[int | None], guard: int) -> Encoding:
    """The net on integers, with guard bits where no bound is known. Raises NetError for numbers too large."""
    if len(net.places) * len(net.transitions) > LARGEST:
        raise _too_large(net)
    largest = list(net.initial)
    for side in (net.post, net.pre, net.read, net.inhibit):
        for arcs in side:
            for place, weight in arcs:
                largest[place] = max(largest[place], weight)
    widths: list[int] = []
    guarded: list[int] = []
    for place, bound in enumerate(bounds):
        if place in net.single:
            widths.append(2)
        elif bound is not None:
            widths.append(max(1, (bound + bool(net.single)).bit_length()))
        else:
            # One firing adds less than the guard bit is worth: the field is never overrun.
            widths.append(max(guard, largest[place].bit_length()) + 1)
            guarded.append(place)
        if widths[-1] > _WIDEST:
            raise NetError(f"place {net.places[place]} may hold more tokens than are counted")
    encoding = encode_net(net, widths)
    halting = encoding.halting
    for place in guarded:
        halting |= 1 << (encoding.fields[place].shift + encoding.fields[place].width - 1)
    return replace(encoding, halting=halting)


def _sweep(encoding: Encoding, watch: Watch) -> Markings:
    """Every marking, level by level. Raises _TooNarrow and Exhausted."""
    import numpy as np

    from madeus.checker.engines.explicit.vector import Sweep
    from madeus.checker.engines.explicit.visited import Flags, Words

    net = encoding.net
    sweep = Sweep(encoding)
    guards = encoding.halting & ~sum(2 << encoding.fields[place].shift for place in net.single)
    words = [(k, np.uint64((guards >> (64 * k)) & (2**64 - 1))) for k in range(sweep.words)]
    words = [(k, mask) for k, mask in words if mask]
    wide = [field for field in encoding.fields if field.width > 1]
    most = 0

    def look(states: Words) -> Flags:
        nonlocal most
        for field in wide:
            column = (states[:, field.shift // 64] >> np.uint64(field.shift % 64)) & np.uint64((1 << field.width) - 1)
            most = max(most, int(column.max()))
        if not most:
            most = int(bool(states.any()))
        flags = np.zeros(len(states), dtype=np.bool_)
        for k, mask in words:
            flags |= (states[:, k] & mask) != 0
        return flags

    before = watch.states
    run = sweep.run(watch, look)
    if run is not None:
        raise _TooNarrow(run)
    return Markings(watch.states - before, most)


def _growing(net: Net, run: Iterable[int]) -> Unbounded | None:
    """The proof that a run gives of the net being unbounded. Inhibitor arcs and clashes are no monotone conditions."""
    if any(net.inhibit) or net.single:
        return None
    path = list(run)
    if len(path) * len(net.places) > PAIRS:
        return None
    markings: list[Marking] = [net.initial]
    for t in path:
        markings.append(net.fire(markings[-1], t))
    names = [net.transitions[t] for t in path]
    all_pairs = len(path) ** 2 * len(net.places) <= PAIRS
    for late in range(1 if all_pairs else len(path), len(markings)):
        for early in range(late - 1, -1, -1):
            if all(a <= b for a, b in zip(markings[early], markings[late], strict=True)):
                more = (p for p, (a, b) in enumerate(zip(markings[early], markings[late], strict=True)) if a < b)
                place = next(more, None)
                if place is not None:
                    return Unbounded(net.places[place], tuple(names[:early]), tuple(names[early:late]))
    return None
