"""Plans and refusals on random small assemblies, judged by plain exploration."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.checker import Budget
from madeus.model import Assembly, Connection, Instance
from madeus.planner import Impossible, NotFound, Target, initial, plan
from madeus.semantics import System
from tests.checker.test_causal_agrees import BEHAVIORS, cyclic_type
from tests.planner.brute import TooLarge, always_leads, meets, rests

BUDGET = Budget(seconds=5, states=20_000)


def any_assembly(random: Random) -> Assembly:
    types = [cyclic_type(random, f"T{i}", i > 0) for i in range(2)]
    instances = [Instance(f"c{i}", types[min(i, 1)].name) for i in range(random.randint(2, 3))]
    bare = Assembly("test", {t.name: t for t in types}, tuple(instances))
    connections = [
        Connection(instance.name, use.name, random.choice(instances[:at]).name, random.choice(("deep", "wide", "odd")))
        for at, instance in enumerate(instances)
        for use in bare.type_of(instance.name).uses
    ]
    return Assembly("test", bare.types, tuple(instances), tuple(connections))


def any_target(random: Random, assembly: Assembly) -> Target:
    places, once = {}, {}
    for instance in assembly.instances:
        kind = assembly.type_of(instance.name)
        if random.random() < 0.5:
            places[instance.name] = frozenset((random.choice(kind.places).name,))
        if random.random() < 0.3:
            once[instance.name] = frozenset((random.choice(BEHAVIORS),))
    return Target(places, once)


def judge(seed: int, most: int, count: int) -> str:
    random = Random(seed)
    assembly, now = any_assembly(random), None
    target = any_target(random, assembly)
    now = initial(assembly)
    try:
        found = plan(assembly, target, now, budget=BUDGET)
    except Impossible:
        system = System(assembly, [[]])
        try:
            # Behaviors on the way are left out here: where they are asked for, the places alone may be within reach.
            reached = [] if target.once else [r for r in rests(assembly, now, most, count) if meets(system, r, target)]
        except TooLarge:
            return "impossible, too large to confirm"
        assert reached == []
        return "impossible"
    except NotFound:
        return "not found"
    try:
        assert always_leads(assembly, now, found.program, target, most)
    except TooLarge:
        return "found, too large to confirm"
    executed = {str(i).removeprefix("push ").partition(" ")[0] for i in found.program.instructions}
    assert all(f"{c}.{b}" in executed for c, behaviors in target.once.items() for b in behaviors)
    return "found"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_every_run_of_a_plan_reaches_the_goal_and_what_is_impossible_no_short_program_does(seed: int) -> None:
    judge(seed, 3_000, 12)


@pytest.mark.long
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_every_run_of_a_plan_reaches_the_goal_on_larger_assemblies(seed: int) -> None:
    judge(seed, 30_000, 40)
