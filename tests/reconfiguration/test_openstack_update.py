"""The update of an OpenStack's database as a simulated program: what goes off, for how long, and what never does.

The component types are those of the planner's evaluation (Robillard and Coullon, FASE 2022).
"""

from __future__ import annotations

from pathlib import Path

import pytest

import madeus
from madeus.checker import TimeOff
from madeus.model import Available
from madeus.semantics import Simulation, StepKind, System, simulate
from madeus.semantics.time import maximum, minimum

EXAMPLE = Path(__file__).parents[2] / "examples/reconfiguration/openstack-update.madeus"
OFF = {"mariadb": 12.0, "keystone": 14.0, "nova": 20.0, "glance": 18.0, "neutron": 18.0}
"""Seconds that each service is off at most when every transition takes one to two."""

STAYS = {"common", "facts", "haproxy", "memcached", "ovswitch", "rabbitmq"}


def update(kind: str = "longest") -> tuple[System, Simulation]:
    """The program on an OpenStack that is up."""
    model = madeus.load(EXAMPLE).model
    cloud, times = model.assemblies["openstack"], maximum if kind == "longest" else minimum
    up = simulate(System(cloud, [[model.programs["up"]]], 0), times).configuration
    system = System(cloud, [[model.programs["update"]]], 0, up)
    return system, simulate(system, times)


def test_the_services_that_go_off_are_off_no_longer_than_is_proved_and_no_other_goes_off() -> None:
    _, run = update()
    assert run.deadlock is None
    left: dict[str, float] = {}
    off: dict[str, float] = {}
    for event in run.trace.events:
        step = event.step
        if step.kind is StepKind.LEAVE and step.element == "deployed":
            left[step.component] = event.time
        elif step.kind is StepKind.ENTER and step.element == "deployed":
            off[step.component] = event.time - left[step.component]
    assert set(off) == set(left) == set(OFF)
    assert all(off[name] <= limit for name, limit in OFF.items())
    assert off["mariadb"] == OFF["mariadb"]
    assert set(run.configuration.components) - set(OFF) == STAYS


def test_the_bounds_of_the_example_are_exact() -> None:
    results = madeus.load(EXAMPLE).check(health=False).results
    asked = madeus.load(EXAMPLE).model.verifications[1].properties
    bounds = {p.question.component: p.question.off for p in asked if isinstance(p.question, Available)}
    assert bounds == OFF | dict.fromkeys(STAYS, 0.0)
    found = [r.verdict.measure.longest for r in results if isinstance(r.verdict.measure, TimeOff)]
    assert sorted(found) == sorted(OFF.values())


@pytest.mark.parametrize("kind", ["longest", "shortest"])
def test_the_database_is_left_when_all_that_use_it_have_let_go_and_they_come_back_after_it(kind: str) -> None:
    _, run = update(kind)
    steps = [str(event.step) for event in run.trace.events]
    leave, back = steps.index("leave mariadb.deployed"), steps.index("enter mariadb.deployed")
    for user in ("keystone", "glance", "neutron"):
        assert steps.index(f"leave {user}.deployed") < leave
        assert steps.index(f"enter {user}.deployed") > back
    assert steps.index("leave nova.interrupted") < steps.index("leave mariadb.interrupted")
