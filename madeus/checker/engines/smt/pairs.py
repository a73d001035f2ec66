"""Pairs of facts that never hold together, by a fixpoint on pairs (the mutexes h^2 of Haslum and Geffner 2000).

A fact says that a place of one bit holds a token, or that it holds none. A pair is possible in the initial marking, or after a
transition whose conditions are possible pair by pair, each with what the transition leaves alone. What is never possible is
true of no reachable marking: that a token here excludes one there, that a token here needs one there. And it is inductive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from madeus.checker.engines.explicit.encoding import Encoding

LARGEST = 2_000
"""Facts of a larger net are not paired."""


def impossible_pairs(encoding: Encoding) -> list[tuple[int, list[int]]]:
    """Facts, each with those that never hold with it and stand after it; 2p: place p is empty, 2p + 1: it is marked."""
    net = encoding.net
    known = [field.width == 1 for field in encoding.fields]
    if 2 * sum(known) > LARGEST:
        return []
    first = sum(1 << (2 * p + bool(net.initial[p])) for p, yes in enumerate(known) if yes)
    possible = [first if first >> fact & 1 else 0 for fact in range(2 * len(known))]
    actions = [action for action in (_action(encoding, t) for t in range(len(net.transitions))) if action]
    changed = True
    while changed:
        changed = False
        for needed, effects, untouched in actions:
            together = untouched
            wanted = sum(1 << fact for fact in needed)
            alive = all(possible[fact] & wanted == wanted for fact in needed)
            if not alive:
                continue
            for fact in needed:
                together &= possible[fact]
            if not needed:
                together = untouched & sum(1 << fact for fact, others in enumerate(possible) if others)
            after = together | sum(1 << fact for fact in effects)
            for fact in effects:
                fresh = after & ~possible[fact]
                if fresh:
                    changed = True
                    possible[fact] |= fresh
                    for other in _bits(fresh):
                        possible[other] |= 1 << fact
    found = []
    every = sum(3 << (2 * p) for p, yes in enumerate(known) if yes)
    for fact, others in enumerate(possible):
        if known[fact // 2]:
            never = every & ~others & ~(3 << (fact & ~1)) & ~((1 << fact) - 1)
            alone = [] if others else [fact]
            found.append((fact, alone or _bits(never)))
    return [(fact, others) for fact, others in found if others]


_Action = tuple[Sequence[int], Sequence[int], int]
"""Facts that a transition needs, facts that it makes, mask of the facts that it leaves alone."""


def _action(encoding: Encoding, t: int) -> _Action | None:
    net, fields = encoding.net, encoding.fields
    taken, made = dict(net.pre[t]), dict(net.post[t])
    needed: set[int] = set()
    effects: list[int] = []
    for place in {**taken, **made, **dict(net.read[t])}:
        if fields[place].width > 1:
            continue
        if place in made and place not in taken:
            needed.add(2 * place)
            effects.append(2 * place + 1)
        else:
            needed.add(2 * place + 1)
            if place in taken and place not in made:
                effects.append(2 * place)
    needed.update(2 * place for place, weight in net.inhibit[t] if fields[place].width == 1 and weight == 1)
    if any(fact ^ 1 in needed for fact in needed):
        return None
    touched = sum(3 << (fact & ~1) for fact in effects)
    every = sum(3 << (2 * p) for p, field in enumerate(fields) if field.width == 1)
    return sorted(needed), effects, every & ~touched


def _bits(mask: int) -> list[int]:
    return list(_each(mask))


def _each(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
