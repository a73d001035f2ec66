"""The net of a system and the step relation have the same runs and the same configurations."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Multiplicity,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Push,
    Transition,
    UsePort,
)
from madeus.petri import Translation, TranslationError, translate
from madeus.petri.net import Marking
from madeus.semantics.configuration import Configuration, Fate
from madeus.semantics.step import Step, apply, enabled
from madeus.semantics.system import System
from tests.strategies import recovering_systems, systems, taken_back_systems

LIMIT = 400
"""Configurations compared for each system at most."""


def assert_same_graph(system: System, translation: Translation, limit: int = LIMIT) -> int:
    """Walk both graphs side by side from the start; returns the number of configurations compared."""
    net = translation.net
    first = system.initial()
    assert translation.decode(net.initial) == first
    meaning: dict[Marking, Configuration] = {net.initial: first}
    marking_of: dict[Configuration, Marking] = {first: net.initial}
    waiting = deque((net.initial,))
    compared = 0
    while waiting and compared < limit:
        marking = waiting.popleft()
        conf = meaning[marking]
        compared += 1
        after: dict[Step, set[Marking]] = {}
        for transition, following in net.successors(marking):
            label = net.labels[transition]
            assert label is not None
            after.setdefault(label, set()).add(following)
        assert set(after) == set(enabled(system, conf))
        for step, markings in after.items():
            expected = apply(system, conf, step)
            assert len(markings) == 1, f"{step} leads to {len(markings)} markings"
            (following,) = markings
            if following not in meaning:
                assert translation.decode(following) == expected
                # A clash is where a run ends: how many tokens met does not matter then.
                # Where it was taken back the net leaves the tokens where they are.
                over = expected.clash is not None or expected.fate is Fate.TAKEN_BACK
                assert over or marking_of.setdefault(expected, following) == following
                meaning[following] = expected
                waiting.append(following)
            assert meaning[following] == expected
    return compared


def check(system: System, local_states: int) -> None:
    note(f"{system.assembly}\nstages {system.stages}\nfailures {system.failures}")
    try:
        translation = translate(system, local_states)
    except TranslationError:
        event("too large to translate")
        return
    compared = assert_same_graph(system, translation)
    event("compared wholly" if compared < LIMIT else "compared to the limit")


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(systems())
@settings(relaxed, max_examples=100)
def test_net_and_step_relation_agree_on_small_systems(system: System) -> None:
    check(system, 2_000)


@given(systems())
@settings(relaxed, max_examples=60)
def test_the_general_form_of_the_net_agrees_too(system: System) -> None:
    check(system, 0)


@given(recovering_systems(changing=False))
@settings(relaxed, max_examples=50)
def test_net_and_step_relation_agree_where_failed_pushes_are_recovered_from(system: System) -> None:
    check(system, 2_000)
    check(system, 0)


@given(taken_back_systems())
@settings(relaxed, max_examples=60)
def test_net_and_step_relation_agree_where_runs_are_taken_back(system: System) -> None:
    check(system, 2_000)
    check(system, 0)


@given(taken_back_systems(recovering=True))
@settings(relaxed, max_examples=50)
def test_net_and_step_relation_agree_where_recoveries_come_before_a_rollback(system: System) -> None:
    check(system, 2_000)
    check(system, 0)


def test_in_a_lost_run_the_net_recovers_from_nothing() -> None:
    kind = ComponentType(
        "A", (Place("p", True), Place("q")), (Transition("t", "p", "q"), Transition("u", "p", "q")), ("deploy",)
    )
    whole = Assembly("w", {"A": kind}, tuple(Instance(name, "A", "h", layered=True) for name in "ab"))
    pushes = (Push("a", "deploy", recovery="a.deploy"), Push("b", "deploy"))
    system = System(whole, [[Program("r", "w", pushes, rollback=True)]], 2)
    assert assert_same_graph(system, translate(system), 5_000) > 200


def test_where_a_port_may_keep_a_recovery_from_beginning_there_is_no_net() -> None:
    use = UsePort("u", PortKind.SERVICE, (), ("q",), optional=True)
    for uses in ((), (use,)):
        kind = ComponentType("A", (Place("p", True), Place("q")), (Transition("t", "p", "q"),), ("deploy",), uses=uses)
        whole = Assembly("w", {"A": kind}, (Instance("a", "A", "h", layered=True),))
        program = Program("r", "w", (Push("a", "deploy", recovery="a.deploy"),), rollback=True)
        assert_same_graph(System(whole, [[program]], 0), translate(System(whole, [[program]], 0)))
        system = System(whole, [[program]], 1)
        if uses:
            with pytest.raises(TranslationError, match="where nothing recovers from the failure of r#0"):
                translate(system)
        else:
            assert_same_graph(system, translate(system))


@pytest.mark.long
@given(taken_back_systems())
@settings(relaxed, max_examples=2_000, phases=[Phase.generate, Phase.shrink])
def test_net_and_step_relation_agree_on_thousands_of_runs_that_are_taken_back(system: System) -> None:
    check(system, 2_000)
    check(system, 30)
    check(system, 0)


@pytest.mark.long
@given(taken_back_systems(recovering=True))
@settings(relaxed, max_examples=2_000, phases=[Phase.generate, Phase.shrink])
def test_net_and_step_relation_agree_on_thousands_of_rollbacks_after_recoveries(system: System) -> None:
    check(system, 2_000)
    check(system, 30)
    check(system, 0)


@pytest.mark.long
@given(recovering_systems())
@settings(relaxed, max_examples=3_000, phases=[Phase.generate, Phase.shrink])
def test_net_and_step_relation_agree_on_thousands_of_recoveries(system: System) -> None:
    check(system, 2_000)
    check(system, 30)
    check(system, 0)


@pytest.mark.long
@given(systems(most=4))
@settings(relaxed, max_examples=4_000, phases=[Phase.generate, Phase.shrink])
def test_net_and_step_relation_agree_on_thousands_of_systems(system: System) -> None:
    check(system, 2_000)
    check(system, 30)
    check(system, 0)


def test_a_second_token_may_come_to_a_place_whose_emptiness_others_count() -> None:
    places = (Place("p0", True), Place("p1", True))
    transitions = tuple(
        Transition(name, source, "p0", behaviors=("deploy",), stations=stations)
        for name, source, stations in (("t0", "p0", ()), ("t1", "p0", ()), ("t2", "p1", ("x",)))
    )
    service = ProvidePort("s", PortKind.SERVICE, ("p0", "p1"))
    one = UsePort("u", PortKind.SERVICE, (), ("p0",))
    some = UsePort("v", PortKind.SERVICE, (), ("p0",), Multiplicity.ANY)
    kind = ComponentType("B", places, transitions, ("deploy",), provides=(service,), uses=(one, some))
    joined = (Connection("a", "v", "a", "s"), Connection("a", "u", "b", "s"), Connection("a", "v", "b", "s"))
    whole = Assembly("w", {"B": kind}, (Instance("a", "B", "local"), Instance("b", "B", "local")), joined)
    system = System(whole, (), 0)
    assert assert_same_graph(system, translate(system, 4000)) > 50


def test_a_second_token_may_come_to_an_action_whose_emptiness_others_count() -> None:
    transitions = tuple(
        Transition(name, "p0", "p0", behaviors=("deploy",), stations=stations)
        for name, stations in (("t0", ()), ("t1", ("x",)))
    )
    service = ProvidePort("s", PortKind.SERVICE, ("p0",))
    use = UsePort("u", PortKind.SERVICE, ("t0", "t1"), (), Multiplicity.ANY)
    kind = ComponentType("B", (Place("p0", initial=True),), transitions, ("deploy",), provides=(service,), uses=(use,))
    joined = tuple(Connection("a", "u", provider, "s") for provider in ("a", "b"))
    whole = Assembly("w", {"B": kind}, (Instance("a", "B", "local"), Instance("b", "B", "local")), joined)
    pushes = tuple(Push(component, "deploy") for component in ("a", "b"))
    system = System(whole, ((Program("r", "w", pushes),),), 1)
    assert assert_same_graph(system, translate(system, 4000)) > 50
