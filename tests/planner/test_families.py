"""The published families: plans of the published size, proved, and the examples of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import madeus
from benchmarks.planner_families import case
from madeus.model import Push, WaitAll, WaitComponent
from madeus.planner import Target, initial, plan
from madeus.planner.text import program_text
from madeus.semantics import System, is_done, simulate

EXAMPLES = Path(__file__).parents[2] / "examples" / "reconfiguration"

PUBLISHED = {
    ("central provider", "deployment"): 10,
    ("central provider", "interruption"): 19,
    ("central provider", "update"): 20,
    ("central user", "deployment"): 10,
    ("central user", "interruption"): 11,
    ("central user", "update"): 20,
    ("linear", "deployment"): 10,
    ("linear", "interruption"): 10,
    ("linear", "update"): 20,
    ("stratified", "deployment"): 10,
    ("stratified", "interruption"): 19,
    ("stratified", "update"): 26,
    ("openstack", "update"): 12,
}
"""Behaviors of the published plans for ten components (eleven of the OpenStack)."""


@pytest.mark.parametrize(("family", "variant"), PUBLISHED)
def test_a_plan_has_as_many_behaviors_as_the_published_one(family: str, variant: str) -> None:
    found = plan(*case(family, variant, 10))
    assert sum(isinstance(i, Push) for i in found.program.instructions) == PUBLISHED[(family, variant)]
    assert found.proof.engine == "causal"


@pytest.mark.parametrize("size", [100, 300])
def test_an_update_of_a_long_chain_needs_no_wait_but_the_last(size: int) -> None:
    found = plan(*case("linear", "update", size))
    waits = [i for i in found.program.instructions if isinstance(i, WaitAll | WaitComponent)]
    assert waits == [WaitAll()]
    assert len(found.program.instructions) == 2 * size + 1


GOALS = {
    "central-provider": ("once p.update", 11),
    "central-user": ("once p.update", 9),
    "linear": ("once p.update", 13),
    "stratified": ("once p.update", 24),
    "openstack-update": ("once mariadb.update", 13),
}
"""Goal of each example, and the number of instructions of its plan."""


@pytest.mark.parametrize("name", GOALS)
def test_the_text_of_an_examples_plan_runs_and_comes_back_to_where_it_began(name: str, tmp_path: Path) -> None:
    from madeus.planner.wish import parse_wish

    path = EXAMPLES / f"{name}.madeus"
    system = madeus.load(path).system(programs=["up"])
    rest = simulate(system).configuration._replace(positions=())
    wish, count = GOALS[name]
    found = plan(system.assembly, parse_wish(wish, system.assembly), rest, "planned")
    assert len(found.program.instructions) == count
    text = tmp_path / "plan.madeus"
    text.write_text(program_text(found.program, imports=(str(path),)), encoding="utf-8")
    planned = madeus.load(text).system(programs=["up", "planned"])
    assert planned.programs[1].instructions == found.program.instructions
    run = simulate(planned)
    assert run.deadlock is None
    assert {c: s.places for c, s in run.configuration.components.items()} == {
        c: s.places for c, s in rest.components.items()
    }


def test_the_openstack_examples_program_is_the_plan() -> None:
    design = madeus.load(EXAMPLES / "openstack-update.madeus")
    system = design.system(programs=["up"])
    rest = simulate(system).configuration._replace(positions=())
    found = plan(system.assembly, Target(once={"mariadb": frozenset(("update",))}), rest, "update")
    assert design.model.programs["update"].instructions == found.program.instructions
    assert design.check().holds
    assert {o.component for o in found.forecast.outages} == {"mariadb", "keystone", "nova", "glance", "neutron"}


def test_an_empty_plan_does_nothing() -> None:
    assembly, _ = case("linear", "update", 3)
    found = plan(assembly, Target(places={"p": frozenset(("running",))}), initial(assembly))
    assert found.program.instructions == ()
    assert is_done(System(assembly, [[found.program]]), System(assembly, [[found.program]]).initial())
