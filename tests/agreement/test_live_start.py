"""A system that begins in the middle of an assembly's life: the net, the agenda and the engines begin there too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget
from madeus.checker.portfolio import Portfolio
from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import Unknown
from madeus.model import Assembly, Push, Terminates, WaitAll
from madeus.petri import TranslationError, translate
from madeus.semantics import Agenda, Configuration, System, apply, enabled
from tests.agreement.test_net_against_semantics import LIMIT, assert_same_graph
from tests.build import assembly, kind, program
from tests.strategies import systems

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


def live(system: System, choose: st.DataObject, steps: int = 25) -> Configuration:
    """Where a random walk of a system stands, with what is in the middle of a behavior taken back to where it stood idle."""
    conf = system.initial()
    idle = conf
    for _ in range(steps):
        ready = enabled(system, conf)
        if not ready:
            break
        conf = apply(system, conf, choose.draw(st.sampled_from(ready)))
        if conf.clash is None and not any(s.queue or s.in_flight for s in conf.components.values()):
            idle = conf
    return idle


@st.composite
def begun_systems(draw: st.DrawFn) -> System:
    """Programs on an assembly that has lived."""
    first = draw(systems())
    begin = live(first, draw(st.data()))
    assume(not any(s.queue or s.in_flight for s in begin.components.values()))
    moved = any(s.places != set(first.tables[s.type].kind.initial_places) for s in begin.components.values())
    event("moved" if moved else "at initial places")
    second = first.stages or ((program("p", Push(draw(st.sampled_from(sorted(begin.components))), "update")),),)
    instances = tuple(i for i in first.instances.values() if i.name in begin.components)
    instances = tuple(replace(i, type=begin.components[i.name].type) for i in instances)
    now = Assembly(first.assembly.name, first.assembly.types, instances, begin.connections())
    return System(now, second, first.failures, begin)


@given(begun_systems())
@settings(relaxed, max_examples=100)
def test_the_net_begins_where_the_live_assembly_stands(system: System) -> None:
    for local_states in (2_000, 0):
        try:
            translation = translate(system, local_states)
        except TranslationError:
            event("too large to translate")
            continue
        compared = assert_same_graph(system, translation)
        event("compared wholly" if compared < LIMIT else "compared to the limit")


@pytest.mark.long
@given(begun_systems())
@settings(relaxed, max_examples=3_000)
def test_the_net_begins_where_thousands_of_live_assemblies_stand(system: System) -> None:
    for local_states in (2_000, 30, 0):
        try:
            translation = translate(system, local_states)
        except TranslationError:
            continue
        assert_same_graph(system, translation)


@given(begun_systems())
@settings(relaxed, max_examples=25)
def test_every_engine_that_answers_agrees_about_a_live_assembly(system: System) -> None:
    assume(system.failures is not None)
    portfolio = Portfolio()
    for question in (Terminates(), Health()):
        problem = Problem(system, question)
        answers = set()
        for name in ("structural", "causal", "explicit", "reference"):
            engine = portfolio.engine(name)
            if engine.refuses(problem) is None:
                verdict = portfolio.check(problem, name, Budget(states=3_000))
                if not isinstance(verdict, Unknown):
                    answers.add(type(verdict))
        assert len(answers) <= 1


@given(begun_systems())
@settings(relaxed, max_examples=50)
def test_the_agenda_begins_with_the_steps_that_are_enabled(system: System) -> None:
    agenda = Agenda(system, system.initial())
    urgent = {s for s in enabled(system, system.initial()) if s.kind not in ("end", "fail")}
    assert set(agenda.ready()) == urgent


ONE = kind("A", "places a* b", "t: a -> b", "u: b -> a in back", "provide s at b")


def begun(**changes: object) -> System:
    plain = assembly([ONE], "x:A")
    first = System(plain)
    conf = first.initial()
    while steps := enabled(first, conf):
        conf = apply(first, conf, steps[0])
    return System(plain, [[program("p", Push("x", "back"), WaitAll())]], begin=conf._replace(**changes))


def test_a_live_assembly_does_not_deploy_by_itself() -> None:
    system = begun()
    assert system.initial().components["x"].places == {"b"}
    assert not System(system.assembly, begin=system.begin).initial().components["x"].queue


def test_the_structural_engine_refuses_a_live_assembly() -> None:
    system = begun()
    reason = (
        Portfolio().engine("structural").refuses(Problem(System(system.assembly, begin=system.begin), Terminates()))
    )
    assert reason == "not choice-free: the runs begin in the middle of the assembly's life"


def test_a_net_cannot_begin_in_the_middle_of_a_behavior() -> None:
    system = begun()
    assert system.begin is not None
    moving = system.begin.components["x"]._replace(places=frozenset(), output_docks=frozenset({"u"}))
    other = begun(components=system.begin.components.set("x", moving))
    with pytest.raises(TranslationError, match="component x is in the middle of a behavior where the runs begin"):
        translate(other)


def test_the_components_of_the_start_are_the_instances_of_the_assembly() -> None:
    system = begun()
    other = assembly([ONE], "x:A y:A")
    with pytest.raises(ValueError, match="the components of the start are not the instances"):
        System(other, begin=system.begin)
    with pytest.raises(ValueError, match="the connections of the start are not those"):
        System(replace(system.assembly, connections=assembly([ONE], "x:A", "x.u x.s").connections), begin=system.begin)
