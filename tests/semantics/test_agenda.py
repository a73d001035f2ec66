"""The agenda against the definition it speeds up, and the invariants of every reachable configuration."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeus.model import Multiplicity, PortKind
from madeus.semantics import URGENT, Agenda, Configuration, StepKind, System, enabled, find_deadlock, is_active, is_done
from madeus.semantics.ports import is_in_use
from tests.strategies import systems

SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def walk(system: System, data: st.DataObject, steps: int) -> None:
    agenda = Agenda(system, system.initial())
    for _ in range(steps):
        conf = agenda.configuration
        every = enabled(system, conf)
        assert set(agenda.ready()) == {step for step in every if step.kind in URGENT}
        check_invariants(system, conf)
        if not every:
            assert (find_deadlock(system, conf) is None) == is_done(system, conf)
            return
        step = data.draw(st.sampled_from(every))
        if step.kind in URGENT and data.draw(st.booleans()):
            agenda.take_next()
        else:
            agenda.take(step)


def check_invariants(system: System, conf: Configuration) -> None:
    if conf.clash is not None:
        return
    for name, state in conf.components.items():
        for use in system.tables[state.type].kind.uses:
            if use.kind is not PortKind.SERVICE or not is_in_use(system, state, use):
                continue
            kind = system.tables[state.type].kind
            if any(not kind.group_places[holder].isdisjoint(kind.initial_places) for holder in use.holders):
                continue  # in use from the start, before anything could be connected: the language refuses such types
            ends = conf.providers.get((name, use.name), ())
            active = [is_active(system, conf, *end) for end in ends]
            enough = any(active) if use.multiplicity is Multiplicity.ANY else all(active)
            assert (use.optional and not ends) or (ends and enough), f"{name}.{use.name} is in use and not served"


@given(systems(), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW_TO_DRAW)
def test_the_agenda_has_exactly_the_enabled_urgent_steps_after_every_step(system: System, data: st.DataObject) -> None:
    walk(system, data, 40)


@pytest.mark.long
@given(systems(), st.data())
@settings(max_examples=4000, deadline=None, suppress_health_check=SLOW_TO_DRAW)
def test_the_agenda_has_exactly_the_enabled_urgent_steps_on_many_systems(system: System, data: st.DataObject) -> None:
    walk(system, data, 80)


def test_a_step_that_is_not_enabled_is_not_taken() -> None:
    from tests.build import assembly, kind

    system = System(assembly([kind("A", "places a* b", "t: a -> b")], "x:A"))
    agenda = Agenda(system, system.initial())
    (leave,) = agenda.ready()
    agenda.take(leave)
    with pytest.raises(ValueError, match="is not enabled"):
        agenda.take(leave)
    assert leave.kind is StepKind.LEAVE
