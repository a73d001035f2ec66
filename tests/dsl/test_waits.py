"""Circular waits are reported exactly when they are certain: as the simulator's deadlocks say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.dsl import load
from madeus.semantics import System, apply, enabled

PEER = """component Peer {
  initial place off
  place half, on
  group up = half, on
  provide service first at up
  provide service second at on
  use service early any optional for prepare
  use service late any optional for start
  transition prepare: off -> half
  transition start: half -> on
}
"""


def _codes(connections: str, instances: str = "a: Peer\nb: Peer\nc: Peer") -> list[str]:
    found = load("waits.madeus", text=f"{PEER}\nassembly s {{\n{instances}\n{connections}\n}}\n")
    return [d.code for d in found.diagnostics]


@pytest.mark.parametrize(
    ("connections", "codes"),
    [
        ("connect a.early to b.first\nconnect b.early to a.first", ["MAD126"]),
        ("connect a.late to b.first\nconnect b.late to a.first", []),
        ("connect a.early to b.second\nconnect b.late to a.first", ["MAD126"]),
        ("connect a.early to b.first\nconnect b.late to a.first", []),
        ("connect a.early to b.first\nconnect b.early to c.first\nconnect c.early to a.second", ["MAD126"]),
        ("connect a.early to b.first\nconnect b.early to c.first\nconnect c.late to a.second", []),
        ("connect a.early to a.second", ["MAD126"]),
        ("connect a.late to a.first", []),
    ],
)
def test_a_circle_is_reported_exactly_when_nothing_in_it_can_begin(connections: str, codes: list[str]) -> None:
    assert _codes(connections) == codes


def test_the_whole_circle_is_told() -> None:
    text = f"{PEER}\nassembly s {{\na: Peer\nb: Peer\nconnect a.early to b.second\nconnect b.late to a.first\n}}\n"
    (found,) = load("waits.madeus", text=text).diagnostics
    assert "`a.prepare` waits for `b.second`, `b.start` waits for `a.first`" in found.message
    assert len(found.related) == 1


def test_a_service_that_deploy_takes_off_again_never_serves() -> None:
    text = (
        PEER.replace("first at up", "first at half")
        + "\nassembly s {\na: Peer\nb: Peer\nconnect a.early to b.first\n}\n"
    )
    (found,) = load("waits.madeus", text=text).diagnostics
    assert found.code == "MAD127"
    assert "never takes a user" in found.message


def test_one_of_several_providers_is_enough_for_any() -> None:
    assert _codes("connect a.early to b.second\nconnect b.late to a.first\nconnect a.early to c.first") == []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from(("early", "late")),
            st.sampled_from("abcd"),
            st.sampled_from(("first", "second")),
        ),
        max_size=6,
        unique=True,
    )
)
def test_a_reported_circle_is_a_deadlock_and_without_one_there_is_none(links: list[tuple[str, str, str, str]]) -> None:
    connections = "\n".join(f"connect {user}.{use} to {provider}.{port}" for user, use, provider, port in links)
    text = f"{PEER}\nassembly s {{\na: Peer\nb: Peer\nc: Peer\nd: Peer\n{connections}\n}}\n"
    found = load("waits.madeus", text=text)
    assert found.model is not None
    system = System(found.model.assemblies["s"])
    configuration = system.initial()
    for _ in range(1000):
        steps = enabled(system, configuration)
        if not steps:
            break
        configuration = apply(system, configuration, steps[0])
    done = all("on" in state.places for state in configuration.components.values())
    assert done == (found.diagnostics == ())
