"""The timed-arc net that TAPAAL reads moves as the net it was made of: same markings at the same times, played from the file.

Time is counted in whole units here, which is exact for closed intervals with whole ends.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from math import inf
from random import Random
from typing import TypeVar
from xml.etree import ElementTree

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.petri import Net, translate
from madeus.petri.formats import to_tapaal, untimed_because
from madeus.petri.formats.names import TAPAAL
from madeus.petri.formats.tapaal import NAMESPACE
from madeus.petri.translate import TranslationError
from madeus.semantics import System
from tests.checker.generated import any_assembly, any_programs
from tests.checker.test_recoveries_agree import with_recoveries
from tests.checker.test_timed_agrees import with_intervals

S = TypeVar("S", bound=Hashable)
Ages = tuple[tuple[int, ...], ...]
HORIZON, MOST = 8, 2_000


def everything(start: S, moves: Callable[[S], Iterator[S]]) -> set[S] | None:
    """All states; None: too many."""
    seen, waiting = {start}, [start]
    while waiting:
        for state in moves(waiting.pop()):
            if state not in seen:
                seen.add(state)
                waiting.append(state)
        if len(seen) > MOST:
            return None
    return seen


def of_net(net: Net) -> set[tuple[int, tuple[int, ...]]] | None:
    """(time, marking) by the definition of time nets: a clock for each enabled transition, from when it became so."""
    limit = HORIZON + 1
    count = range(len(net.transitions))

    def enabled(marking: tuple[int, ...]) -> list[int]:
        return [t for t in count if net.is_enabled(marking, t)]

    def moves(
        state: tuple[int, tuple[int, ...], tuple[tuple[int, int], ...]],
    ) -> Iterator[tuple[int, tuple[int, ...], tuple[tuple[int, int], ...]]]:
        time, marking, clocks = state
        for t, age in clocks:
            if age >= net.intervals[t].minimum:
                after = net.fire(marking, t)
                kept = dict(clocks)
                kept.pop(t)
                yield time, after, tuple((u, kept.get(u, 0)) for u in enabled(after))
        if time < HORIZON and all(age + 1 <= net.intervals[t].maximum for t, age in clocks):
            yield time + 1, marking, tuple((t, min(limit, age + 1)) for t, age in clocks)

    start = (0, net.initial, tuple((t, 0) for t in enabled(net.initial)))
    found = everything(start, moves)
    return None if found is None else {(time, marking) for time, marking, _ in found}


def of_file(text: str, net: Net) -> set[tuple[int, tuple[int, ...]]] | None:
    """(time, marking) of a timed-arc net, by the tokens' ages; every attribute is read as TAPAAL reads it."""
    root = ElementTree.fromstring(text)
    template = root.find(f"{{{NAMESPACE}}}net")
    assert template is not None
    nodes = {kind: template.findall(f"{{{NAMESPACE}}}{kind}") for kind in ("place", "transition", "arc")}
    assert [TAPAAL.decode(p.attrib["name"]) for p in nodes["place"]] == list(net.places)
    assert [TAPAAL.decode(t.attrib["name"]) for t in nodes["transition"]] == list(net.transitions)
    place = {p.attrib["id"]: n for n, p in enumerate(nodes["place"])}
    most = []
    for p in nodes["place"]:
        sign, number = p.attrib["invariant"].split()
        assert sign == ("<" if number == "inf" else "<=")
        most.append(float(number))
    index = {t.attrib["id"]: n for n, t in enumerate(nodes["transition"])}
    takes: list[list[tuple[int, int, float, float]]] = [[] for _ in index]
    makes: list[list[tuple[int, int]]] = [[] for _ in index]
    tests: list[list[tuple[int, int]]] = [[] for _ in index]
    stops: list[list[tuple[int, int]]] = [[] for _ in index]
    open_pairs: dict[tuple[str, str], str] = {}
    for arc in nodes["arc"]:
        source, target, kind = arc.attrib["source"], arc.attrib["target"], arc.attrib["type"]
        weight, words = int(arc.attrib["weight"]), arc.attrib["inscription"]
        if kind == "timed":
            low, high = words[1:-1].split(",")
            takes[index[target]].append((place[source], weight, float(low), float(high)))
        elif kind == "normal":
            assert words == "1"
            makes[index[source]].append((place[target], weight))
        elif kind == "tapnInhibitor":
            assert words == "[0,inf)"
            stops[index[target]].append((place[source], weight))
        else:
            assert kind == "transport"
            interval, group = words.split(":")
            assert interval == "[0,inf)"
            if source in place:
                open_pairs[(target, group)] = source
            else:
                assert open_pairs.pop((source, group)) == target, "an age is brought back to where it came from"
                tests[index[source]].append((place[target], weight))
    assert not open_pairs
    urgent = [t.attrib["urgent"] == "true" for t in nodes["transition"]]
    asked = {p for arcs in takes for p, _, low, high in arcs if (low, high) != (0, inf)}
    aging = [p in asked or m < inf for p, m in enumerate(most)]

    def older(ages: Ages) -> Ages:
        """A unit of time later; ages that nothing asks for stay what they are, for there to be fewer states."""
        return tuple(tuple(min(HORIZON + 1, age + aging[p]) for age in tokens) for p, tokens in enumerate(ages))

    def fired(ages: Ages, t: int) -> Iterator[Ages]:
        if any(len(ages[p]) < w for p, w in tests[t]) or any(len(ages[p]) >= w for p, w in stops[t]):
            return
        left = [list(tokens) for tokens in ages]
        for p, weight, low, high in takes[t]:
            # Which of the tokens of an age that will do is taken makes no difference where all may be taken.
            fit = [age for age in left[p] if low <= age <= high]
            if len(fit) < weight:
                return
            for age in fit[:weight]:
                left[p].remove(age)
        for p, weight in makes[t]:
            left[p].extend([0] * weight)
        yield tuple(tuple(sorted(tokens)) for tokens in left)

    def moves(state: tuple[int, Ages]) -> Iterator[tuple[int, Ages]]:
        time, ages = state
        wait = time < HORIZON and all(age + aging[p] <= most[p] for p, tokens in enumerate(ages) for age in tokens)
        for t in range(len(index)):
            for after in fired(ages, t):
                wait = wait and not urgent[t]
                yield time, after
        if wait:
            yield time + 1, older(ages)

    start = (0, tuple((0,) * int(p.attrib["initialMarking"]) for p in nodes["place"]))
    found = everything(start, moves)
    return None if found is None else {(time, tuple(map(len, ages))) for time, ages in found}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_the_file_that_tapaal_reads_has_the_same_markings_at_the_same_times(seed: int) -> None:
    random = Random(seed)
    if random.random() < 0.5:
        whole, stages = any_assembly(random, most=2), ()
    else:
        whole = any_assembly(random, ("up", "down"), 2)
        stages = with_recoveries(random, any_programs(random, whole), [i.name for i in whole.instances])
    whole = with_intervals(random, whole)
    try:
        net = translate(System(whole, stages, random.choice((0, 0, 1)))).net
    except TranslationError:
        assume(False)
    assert untimed_because(net) is None
    # A clash is a place of its own in the file; the markings of the two have the same meaning, not the same form.
    assume(not net.single)
    expected = of_net(net)
    assume(expected is not None)
    assert of_file(to_tapaal(net), net) == expected
    assert inf not in {time for time, _ in expected or ()}
