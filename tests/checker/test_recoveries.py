"""Recoveries that have no beginning where a failure leaves their component are found before anything runs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.checker.recoveries import unstartable
from madeus.dsl import load
from madeus.semantics import StepKind, System, apply, enabled, simulate

SERVER = """component Server {
  initial place off
  place on, stopped, replaced, spare
  provide service s at on
  behavior deploy { transition start: off -> on { run "true" } }
  behavior update {
    transition stop: on -> stopped { run "true" }
    transition replace: stopped -> replaced { run "true" }
    transition again: replaced -> on { run "true" }
  }
  behavior restore {
    RESTORE
  }
}
component Client {
  initial place off
  place on
  use service s during on
  transition open: off -> on
}
"""
BACK = "transition back: replaced -> on"
WHOLE = f"{BACK}\ntransition up: stopped -> on station up"


def system(restore: str, program: str, failures: int = 0) -> System:
    text = SERVER.replace("RESTORE", restore)
    text += "assembly site {\n  server: Server\n  client: Client\n  connect client.s to server.s\n}\n"
    loaded = load("site.madeus", text=f"{text}program p for site {{\n{program}\n}}\n")
    assert loaded.model is not None, [d.message for d in loaded.diagnostics]
    model = loaded.model
    return System(model.assemblies["site"], [[model.programs["p"]]], failures)


PROGRAM = "push server.deploy\nwait all\npush server.update on_failure push server.restore\nwait all"


def told(found: System) -> list[str]:
    return [str(one) for one in unstartable(found)]


def test_the_transition_is_named_whose_failure_leaves_the_recovery_without_a_beginning() -> None:
    first, second = unstartable(system(BACK, PROGRAM))
    assert (first.transition, first.halfway) == ("replace", True)
    assert str(first) == (
        "if server.replace fails, server is left at stopped: no transition of server.restore begins there"
    )
    assert (second.transition, second.halfway) == ("stop", False)
    assert str(second) == "if server.stop fails, server is back at on: no transition of server.restore begins there"


def test_where_a_push_began_there_is_nothing_to_bring_back() -> None:
    assert [one.halfway for one in unstartable(system(WHOLE, PROGRAM))] == [False]


def test_a_recovery_that_begins_everywhere_is_sound() -> None:
    assert told(system(f"{WHOLE}\ntransition touch: on -> on station touch", PROGRAM)) == []


def test_a_push_without_a_recovery_is_not_looked_at() -> None:
    assert told(system(BACK, "push server.deploy\npush server.update\nwait all")) == []


def test_where_the_assembly_lives_counts() -> None:
    whole = system(BACK, PROGRAM)
    begin = simulate(System(whole.assembly)).configuration
    (program,) = whole.programs
    stands = System(whole.assembly, [[program]], 0, begin)
    assert [one.transition for one in unstartable(stands)] == ["replace", "stop"]


def test_a_branch_of_a_fork_that_came_through_is_where_a_recovery_may_begin() -> None:
    fork = """component Forked {
  initial place off
  place left, right, done
  behavior deploy {
    transition one: off -> left
    transition two: off -> right
    transition join: left -> done
    transition meet: right -> done
  }
  behavior restore { transition back: off -> left }
}
"""
    # Where a branch out of `off` fails, its token goes back there: restore begins at once, wherever the other branch is.
    text = fork + "assembly site { forked: Forked }\n"
    model = load(
        "f.madeus",
        text=f"{text}program p for site {{ push forked.deploy on_failure push forked.restore\nwait all }}\n",
    ).model
    assert model is not None
    told_of = unstartable(System(model.assemblies["site"], [[model.programs["p"]]]))
    assert {one.transition for one in told_of} == {"join", "meet"}
    assert all(one.halfway for one in told_of)


def test_a_recovery_of_another_component_is_looked_at_where_that_one_stands() -> None:
    program = "push server.deploy\nwait all\npush server.update on_failure push client.deploy\nwait all"
    assert told(system(WHOLE, program)) == []
    standing = f"push client.deploy\n{program}"
    assert told(system(WHOLE, standing))[0] == (
        "if server.again fails, server is left at replaced: no transition of client.deploy begins at on"
    )


def test_components_that_programs_add_are_looked_at() -> None:
    program = "add more: Server\npush more.deploy\npush more.update on_failure push more.restore\nwait all"
    assert [one.component for one in unstartable(system(BACK, program)) if one.halfway] == ["more"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["off", "on", "stopped", "replaced", "spare"]), unique=True))
def test_exactly_the_recoveries_are_found_that_end_where_they_begin(sources: list[str]) -> None:
    restore = "\n".join(f"transition from_{s}: {s} -> spare station via_{s}" for s in sources if s != "spare")
    found = system(restore or "transition never: spare -> off", PROGRAM, failures=1)
    idle = set()
    stack, seen = [found.initial()], set()
    while stack:
        conf = stack.pop()
        if conf in seen:
            continue
        seen.add(conf)
        for step in enabled(found, conf):
            after = apply(found, conf, step)
            if step.kind is StepKind.RECOVER:
                started = any(s.kind is StepKind.LEAVE and s.component == "server" for s in enabled(found, after))
                if not started:
                    idle.update(conf.components["server"].failed)
            stack.append(after)
    assert {one.transition for one in unstartable(found)} == idle


@pytest.mark.parametrize("count", [300])
def test_many_components_are_looked_at_one_by_one(count: int) -> None:
    text = SERVER.replace("RESTORE", BACK) + "assembly site { server[1..N]: Server }\n".replace("N", str(count))
    text += "program p for site { push server[1..N].deploy\nwait all\n".replace("N", str(count))
    text += "push server[1..N].update on_failure push server[1..N].restore\nwait all }\n".replace("N", str(count))
    model = load("many.madeus", text=text).model
    assert model is not None
    found = unstartable(System(model.assemblies["site"], [[model.programs["p"]]]))
    assert len(found) == 2 * count
