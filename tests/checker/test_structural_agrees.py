"""The structural engine against the reference engine, on random assemblies."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from madeus.checker.engine import Budget, Exhausted, Watch
from madeus.checker.engines.reference import Reference
from madeus.checker.engines.structural import Structural
from madeus.checker.problem import Asked, Health, Problem
from madeus.checker.verdict import Fails, Findings, Holds, Unknown, Verdict, Width
from madeus.model import (
    Active,
    Assembly,
    Available,
    Confluent,
    Deployable,
    Forbidden,
    Goal,
    Parallelism,
    PortKind,
    Reach,
    Sequence,
    Terminates,
)
from madeus.semantics import System
from tests.build import assembly, kind
from tests.checker.generated import any_assembly, any_formula


def questions(random: Random, whole: Assembly) -> list[Asked]:
    transitions = [(i.name, t.name) for i in whole.instances for t in whole.types[i.type].transitions]
    ports = [
        (i.name, p.name) for i in whole.instances for p in whole.types[i.type].provides if p.kind is PortKind.SERVICE
    ]
    asked: list[Asked] = [Health(), Terminates(), Confluent(), Parallelism()]
    asked += [Deployable(Goal("g", any_formula(random, whole)), reach) for reach in Reach]
    asked += [Forbidden(any_formula(random, whole)) for _ in range(3)]
    asked += [Available(*port) for port in ports[:2]]
    if transitions:
        asked.append(Sequence(tuple(random.choice(transitions) for _ in range(random.randint(1, 3)))))
    asked.append(Parallelism(components=(random.choice(whole.instances).name,)))
    return asked


def summary(verdict: Verdict) -> tuple[object, ...]:
    """What two engines must agree on."""
    match verdict:
        case Holds(measure=measure, vacuous=vacuous):
            return "holds", _measured(measure), vacuous
        case Fails(reason, trace, measure=measure, deadlock=deadlock, loop=loop):
            if reason.startswith("from here"):
                return "fails", reason  # the point of no return, or where it leads
            # Of two endless runs that begin as early one may go round in more steps.
            length = None if trace is None or loop is not None or isinstance(measure, Width) else len(trace.events)
            # The first of several, all as near as each other, is as good as another.
            alike = ("fires before", "two tokens clash", "nothing can move")
            what = "" if any(words in reason for words in alike) else reason
            # Of two ends as near as each other one may be stuck, and the other not.
            ended = reason.startswith("the run ends") or deadlock is None
            return "fails", what, _measured(measure), length, ended
        case Unknown():
            return ("unknown",)


def _measured(measure: object) -> object:
    if isinstance(measure, Width):
        return measure.minimum, measure.maximum
    if isinstance(measure, Findings):
        # Of several deadlocks or clashes as near as each other any may be shown.
        return sorted("grave" if f.ailment.grave else str(f) for f in measure.findings)
    return measure


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_the_structural_engine_says_of_a_choice_free_assembly_is_what_exploration_finds(seed: int) -> None:
    random = Random(seed)
    whole = any_assembly(random)
    system = System(whole)
    engine = Structural()
    assume(engine.refuses(Problem(system, Health())) is None)
    for asked in questions(random, whole):
        problem = Problem(system, asked)
        answer = summary(engine.answer(problem, Watch()))
        if answer == ("unknown",):
            continue
        try:
            expected = Reference().answer(problem, Watch(budget=Budget(states=600)))
        except Exhausted:
            assume(False)
        if isinstance(asked, Deployable) and answer[0] == "fails" and isinstance(expected, Fails):
            continue  # one run is as good as another
        assert answer == summary(expected), asked


def test_a_token_before_an_initial_place_that_is_never_entered_again_stays_in_its_group() -> None:
    """The station of ``b`` waits for ``y``, whose source is never marked: the other tokens stay on its docks."""
    held = kind("T", "places a* b* c", "x: a -> b", "z: b -> b", "y: c -> b", "group g = a b", "provide s at g")
    system = System(assembly([held], "t:T"))
    for reach in Reach:
        problem = Problem(system, Deployable(Goal("on", Active("t", "s")), reach))
        assert isinstance(Structural().answer(problem, Watch()), Holds)
        assert isinstance(Reference().answer(problem, Watch()), Holds)
