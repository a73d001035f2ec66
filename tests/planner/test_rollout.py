"""Rollouts compiled to programs, and what is proved of them; the proofs on parts agree with the checker on the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeus.checker import Budget, Fails, Holds, Portfolio, Problem
from madeus.dsl import load
from madeus.fleet.clusters import Cluster
from madeus.fleet.slices import NotSliceable
from madeus.model import Active, And, Forbidden, Model, Not, Sequence
from madeus.planner.rollout import rehearse
from madeus.planner.rollout_prepare import CannotRoll, Prepared, prepare, standing_after
from madeus.planner.rollout_proof import Answer, Claim

TYPES = """
component Web {
  initial place off
  place on, half
  provide service http at on
  use service sql optional during on
  behavior deploy  { transition start: off -> on }
  behavior stop    { transition halt: on -> half }
  behavior upgrade { transition check: half -> on }
  behavior rollback { transition back: half -> on }
  behavior spin    {
    transition there: on -> half
    transition again: half -> on
  }
}
component Db {
  initial place off
  place on
  provide service sql at on
  behavior deploy  { transition start: off -> on }
  behavior stop    { transition halt: on -> off }
}
component Any {
  initial place off
  place on
  use service web any during on
  transition start: off -> on
}
component All {
  initial place off
  place on
  use service web all during on
  transition start: off -> on
}
"""
SITE = "assembly s(n: int = 4) {\n  w[1..n]: Web on w[1..n]\n  db: Db on d\n  connect w.sql to db.sql\n%s}\n"
UP = "program up for s {\n%s  for i in 1..n {\n    push w[i].stop\n    push w[i].upgrade\n  }\n%s}\n"
ROLLOUT = "rollout r of program up over w {\n%s}\n"


def model(
    tmp_path: Path,
    settings: str = "",
    shared: str = "",
    before: str = "",
    after: str = "",
    program: str = "",
    n: int = 4,
) -> Model:
    file = tmp_path / "m.madeus"
    file.write_text(TYPES + SITE % shared + (program or UP % (before, after)) + ROLLOUT % settings)
    found = load(file, settings={"n": str(n)})
    assert found.model is not None, [d.message for d in found.diagnostics]
    return found.model


def prepared(found: Model, clusters: int = 1, n: int = 4, online: set[str] | None = None) -> Prepared:
    assembly = found.assemblies["s"]
    begin = standing_after(assembly, (), True)
    machines = [f"w[{i}]" for i in range(1, n + 1)]
    alike = [Cluster(f"k{c}", tuple(machines[c::clusters]), distance=c) for c in range(clusters)]
    return prepare(found, found.rollouts["r"], assembly, begin, machines, lambda host: host, alike, online)


def answers(one: Prepared) -> list[Answer]:
    return [c.answer for c in one.prove(Budget(seconds=20))]


def claim(one: Prepared, words: str) -> Claim:
    (found,) = [c for c in one.prove(Budget(seconds=20)) if words in c.sentence]
    return found


def test_a_staged_rollout_is_proved_safe(tmp_path: Path) -> None:
    one = prepared(model(tmp_path), clusters=2)
    assert answers(one) == [Answer.HOLDS] * 5
    assert claim(one, "are out").sentence == "at most 1 of 4 machines of Web.http are out at any time"


def test_without_stages_others_start_before_the_representatives_and_the_service_is_gone(tmp_path: Path) -> None:
    one = prepared(model(tmp_path, "  protocol no_staging\n"))
    first = claim(one, "before the representatives")
    assert (first.answer, first.reason.startswith("w[2] may start before w[1] has passed")) == (Answer.VIOLATED, True)
    assert first.run
    assert claim(one, "stays available").answer is Answer.VIOLATED
    assert claim(one, "stays available").reason == "all of its machines are out at once"


def test_no_more_machines_are_out_than_the_rollout_allows(tmp_path: Path) -> None:
    one = prepared(model(tmp_path, "  out max 2\n", n=9), n=9)
    assert one.stages.widest == 2
    assert claim(one, "are out").sentence == "at most 2 of 9 machines of Web.http are out at any time"
    none = prepared(model(tmp_path, "  out max 10%\n"))
    assert claim(none, "are out").answer is Answer.VIOLATED
    assert claim(none, "are out").reason == "the rollout allows 0"


def test_machines_that_are_alike_are_looked_at_once(tmp_path: Path) -> None:
    one = prepared(model(tmp_path, "  out max 5\n", n=150), clusters=3, n=150)
    claims = one.prove(Budget(seconds=20))
    assert {c.answer for c in claims} == {Answer.HOLDS}
    assert sum(c.cases for c in claims) <= 6


def test_a_user_of_any_machine_lets_them_go_one_after_another_and_a_user_of_all_never_does(tmp_path: Path) -> None:
    either = "  u: Any on u\n  connect u.web to w.http\n"
    assert set(answers(prepared(model(tmp_path, shared=either)))) == {Answer.HOLDS}
    both = "  u: All on u\n  connect u.web to w.http\n"
    ends = claim(prepared(model(tmp_path, shared=both)), "the rollout ends")
    assert ends.answer is Answer.VIOLATED
    assert "w[1] may never be upgraded" in ends.reason


def test_a_behavior_that_goes_round_for_ever_is_found(tmp_path: Path) -> None:
    turning = "program up for s {\n  for i in 1..n {\n    push w[i].spin\n  }\n}\n"
    assert claim(prepared(model(tmp_path, program=turning)), "the rollout ends").answer is Answer.VIOLATED


def test_what_is_done_on_shared_instances_is_proved_too(tmp_path: Path) -> None:
    stuck = prepared(model(tmp_path, before="  push db.stop\n  wait db\n"))
    assert claim(stuck, "done before").answer is Answer.VIOLATED
    fine = prepared(model(tmp_path, after="  wait all\n  push db.deploy\n  wait all\n"))
    assert claim(fine, "done after").answer is Answer.HOLDS


def test_bounds_of_the_file_are_proved_of_the_machine(tmp_path: Path) -> None:
    found = model(tmp_path)
    file = tmp_path / "v.madeus"
    bound = "verify s after up {\n  available w[1].http off <= 1s\n  available db.sql\n}\n"
    timed = (TYPES + SITE % "" + UP % ("", "") + ROLLOUT % "" + bound).replace(
        "half -> on }", "half -> on takes 2s..3s }"
    )
    file.write_text(timed)
    loaded = load(file).model
    assert loaded is not None
    one = prepared(loaded)
    assert claim(one, "available w[1].http").answer is Answer.VIOLATED
    assert claim(one, "available db.sql").answer is Answer.HOLDS
    assert found is not loaded


def test_offline_clusters_are_left_out(tmp_path: Path) -> None:
    one = prepared(model(tmp_path), clusters=2, online={"w[1]", "w[3]"})
    assert [c.name for c in one.stages.left_out] == ["k1"]
    assert set(one.compiled.sliced.machines) == {"w[1]", "w[3]"}
    assert set(answers(one)) == {Answer.HOLDS}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("  test transition nothing\n", "runs it on no machine"),
        (
            "  on_failure rollback undo\n",
            "does not live in layers, and Web has no behavior undo; declare the instance `in layer`",
        ),
    ],
)
def test_settings_that_do_not_fit_the_program_are_refused(tmp_path: Path, settings: str, said: str) -> None:
    with pytest.raises(CannotRoll, match=said):
        prepared(model(tmp_path, settings))


def test_a_machine_in_no_cluster_and_a_program_of_no_machine_are_refused(tmp_path: Path) -> None:
    found = model(tmp_path)
    assembly = found.assemblies["s"]
    begin = standing_after(assembly, (), True)
    with pytest.raises(CannotRoll, match="in no cluster"):
        prepare(found, found.rollouts["r"], assembly, begin, ["w[1]"], lambda h: h, [Cluster("k", ("w[2]",))])
    with pytest.raises(CannotRoll, match="touches no machine"):
        prepare(found, found.rollouts["r"], assembly, begin, ["x"], lambda h: h)


def test_shared_instructions_between_machines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotSliceable, match="stands between"):
        prepared(model(tmp_path, program="program up for s {\n  push w[1].stop\n  push db.stop\n  push w[2].stop\n}\n"))


def test_where_nothing_is_declared_a_rollback_is_taken_when_there_is_one(tmp_path: Path) -> None:
    assert prepared(model(tmp_path)).undo["w[1]"] == ("w[1]",)
    assert prepared(model(tmp_path, "  on_failure freeze\n")).undo["w[1]"] == ()


def layered(tmp_path: Path, settings: str = "", head: str = "", only: str = "") -> Model:
    """The fleet in layers. only: instances that live in none, on the same hosts."""
    file = tmp_path / "layered.madeus"
    site = (SITE % only).replace("on w[1..n]\n", "on w[1..n] in layer\n", 1)
    program = (UP % ("", "    push o[i].stop\n" if only else "")).replace("for s {", f"for s {head}{{")
    if only:
        program = program.replace("    push o[i].stop\n}", "}").replace(
            "w[i].upgrade\n", "w[i].upgrade\n    push o[i].stop\n"
        )
    file.write_text(TYPES + site + program + ROLLOUT % settings)
    found = load(file)
    assert found.model is not None, [d.message for d in found.diagnostics]
    return found.model


@pytest.mark.parametrize("head", ["", "on_failure rollback "])
@pytest.mark.parametrize("settings", ["", "  on_failure rollback\n", "  on_failure rollback nothing\n"])
def test_layers_are_the_way_back_of_machines_that_live_in_them(tmp_path: Path, settings: str, head: str) -> None:
    one = prepared(layered(tmp_path, settings, head))
    assert one.layered == one.in_layers == {f"w[{i}]" for i in range(1, 5)}
    assert set(one.undo.values()) == {()}
    assert all(p.rollback for p in one.sliced.machines.values())
    assert claim(one, "is taken back").answer is Answer.HOLDS


def test_a_machine_that_is_to_be_frozen_keeps_its_layers_though_the_program_goes_back_elsewhere(tmp_path: Path) -> None:
    one = prepared(layered(tmp_path, "  on_failure freeze\n", "on_failure rollback "))
    assert (one.layered, len(one.in_layers)) == (frozenset(), 4)
    assert not any(p.rollback for p in one.sliced.machines.values())


def test_a_machine_that_lives_only_partly_in_layers_needs_behaviors_for_all_of_it(tmp_path: Path) -> None:
    beside = "  o[1..n]: Db on w[1..n]\n"
    with pytest.raises(
        CannotRoll, match=r"no way back for o\[1\] on w\[1\].*Db has no behavior rollback; declare the inst"
    ):
        prepared(layered(tmp_path, "  on_failure rollback\n", only=beside))
    one = prepared(layered(tmp_path, "  on_failure rollback deploy\n", only=beside))
    assert one.layered == frozenset() and one.undo["w[1]"] == ("o[1]", "w[1]")


def test_a_way_back_that_does_not_lead_back_from_everywhere_is_found(tmp_path: Path) -> None:
    fine = claim(prepared(model(tmp_path)), "is taken back")
    assert fine.answer is Answer.HOLDS
    joined = TYPES.replace(
        "behavior rollback { transition back: half -> on }",
        "behavior rollback {\n    transition back: half -> on\n    transition too: off -> on\n  }",
    )
    file = tmp_path / "joined.madeus"
    file.write_text(joined + SITE % "" + UP % ("", "") + ROLLOUT % "")
    loaded = load(file).model
    assert loaded is not None
    found = claim(prepared(loaded), "is taken back")
    assert found.answer is Answer.VIOLATED
    assert found.reason.startswith("w[1]: when w[1].check fails")


SHARED = ["", "  u: Any on u\n  connect u.web to w.http\n", "  u: All on u\n  connect u.web to w.http\n"]


@pytest.mark.parametrize("protocol", ["balanced", "front_loading", "no_staging", "representatives_first"])
@pytest.mark.parametrize("shared", SHARED, ids=["alone", "any", "all"])
def test_the_parts_say_what_the_checker_says_of_the_whole(tmp_path: Path, protocol: str, shared: str) -> None:
    one = prepared(model(tmp_path, f"  protocol {protocol}\n", shared=shared, n=3), n=3)
    whole = one.compiled.system
    portfolio = Portfolio()

    def holds(question: object) -> bool:
        verdict = portfolio.check(Problem(whole, question), budget=Budget(seconds=20))  # type: ignore[arg-type]
        assert isinstance(verdict, Holds | Fails)
        return isinstance(verdict, Holds)

    order = all(holds(Sequence((("w[1]", "check"), (f"w[{i}]", "halt")))) for i in (2, 3))
    first = claim(one, "before the representatives").answer is Answer.HOLDS
    # A part has no users, so it may move where the whole cannot: what it proves is true, what it refutes may be.
    assert order if first else not order or shared == SHARED[2]
    gone = holds(Forbidden(And(tuple(Not(Active(f"w[{i}]", "http")) for i in (1, 2, 3)))))
    if shared != SHARED[2]:  # there nobody can leave, which the claim about the end says
        assert (claim(one, "stays available").answer is Answer.HOLDS) == gone or shared == SHARED[1]
    assert (claim(one, "the rollout ends").answer is Answer.HOLDS) == (rehearse(whole).deadlock is None)
